//! Who is let in: by the rules, by the rate of new calls, by the calls that a peer has open already.
//!
//! Protected: where nothing of this is asked for, a caller costs one look at [`Gate::is_open`].

use std::net::IpAddr;
use std::sync::Arc;

use conversation::{End, Moment};
use socket::Connection;

use crate::Limits;
use crate::access::{Access, Who};
use crate::answer_rate::AnswerRates;
use crate::peer_key::PeerKey;
use crate::peer_places::{PeerPlace, PeerPlaces};
use crate::rate::{Rate, SharedBucket};

pub(crate) struct Gate {
    /// Whoever calls is let in at once.
    is_open: bool,
    access: Option<Arc<Access>>,
    places: Option<Arc<PeerPlaces>>,
    new_calls: Option<SharedBucket>,
    answers: Option<AnswerRates>,
}

/// Why somebody is not let in, as a clause.
pub(crate) type Why = &'static str;

const TOO_MANY_CALLS: Why = "its peer has as many calls open as it may (--max-calls-per-peer)";
const TOO_FAST: Why = "more new callers come than may in a second (--rate)";

impl Gate {
    /// `bounds_answers`: the service answers anyone over datagrams.
    pub(crate) fn new(access: &Arc<Access>, limits: &Limits, bounds_answers: bool) -> Gate {
        let access = (!access.is_open()).then(|| Arc::clone(access));
        let places = limits.calls_per_peer_max.map(PeerPlaces::new);
        let bucket = |rate| SharedBucket::new(Rate::new(rate, rate));
        let new_calls = limits.calls_per_second.map(bucket);
        let answers = bounds_answers.then(|| AnswerRates::new(limits.answers_per_second)).flatten();
        let is_open = access.is_none() && places.is_none();
        Gate { is_open, access, places, new_calls, answers }
    }

    /// Takes from the rate of new calls; an error is when to come again.
    pub(crate) fn begin_call(&self, now: Moment) -> Result<(), Moment> {
        self.new_calls.as_ref().map_or(Ok(()), |bucket| bucket.take(now))
    }

    /// Nobody called, or whoever did was refused.
    pub(crate) fn no_call(&self) {
        if let Some(bucket) = &self.new_calls {
            bucket.give_back();
        }
    }

    /// Lets an accepted caller in, with its place among the calls of its peer where those are counted.
    pub(crate) fn admit(&self, connection: &Connection, peer: &End) -> Result<Option<PeerPlace>, Why> {
        if self.is_open {
            return Ok(None);
        }
        let who = who(connection, peer);
        self.judge(who)?;
        self.take_place(who)
    }

    /// Whether anybody may speak at any time.
    pub(crate) fn hears_anyone(&self) -> bool {
        self.access.is_none() && self.new_calls.is_none()
    }

    /// Lets a message in that belongs to no open call: whether by the rules its sender may speak, and whether
    /// by the rate it may now.
    pub(crate) fn admit_sender(&self, from: &End, now: Moment) -> Result<(), Why> {
        self.judge(sender(from))?;
        self.begin_call(now).map_err(|_| TOO_FAST)
    }

    /// The place of a new datagram peer among the calls of its address.
    pub(crate) fn place_of_sender(&self, from: &End) -> Result<Option<PeerPlace>, Why> {
        self.take_place(sender(from))
    }

    /// Whether a datagram service may answer this source once more.
    pub(crate) fn may_answer(&self, source: IpAddr, now: Moment) -> bool {
        self.answers.as_ref().is_none_or(|answers| answers.allow(source, now))
    }

    fn judge(&self, who: Who) -> Result<(), Why> {
        self.access.as_ref().and_then(|access| access.refuses(who)).map_or(Ok(()), Err)
    }

    fn take_place(&self, who: Who) -> Result<Option<PeerPlace>, Why> {
        let Some(places) = &self.places else { return Ok(None) };
        let key = match who {
            Who::Ip(address) => PeerKey::from(address),
            Who::User { user, .. } => PeerKey::User(user),
            Who::Unknown => return Ok(None), // a sender without an address has no more than its own sockets
        };
        places.take(key).map(Some).ok_or(TOO_MANY_CALLS)
    }
}

/// Who a caller is: by its address, or as the kernel vouches for it.
pub(crate) fn who(connection: &Connection, peer: &End) -> Who {
    match (peer.ip(), connection.peer_credentials()) {
        (Some(address), _) => Who::Ip(address.ip()),
        (None, Ok(Some(credentials))) => Who::User { user: credentials.user, group: credentials.group },
        (None, Ok(None) | Err(_)) => Who::Unknown,
    }
}

fn sender(from: &End) -> Who {
    from.ip().map_or(Who::Unknown, |address| Who::Ip(address.ip()))
}
