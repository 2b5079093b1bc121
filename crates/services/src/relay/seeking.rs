//! The search of one call for an address that is reached.
//!
//! Each address is tried once, one after the other; that is a round, and the caller's time to connect is shared among
//! those of it that are left. After a round in which something failed that may pass, the next comes after a wait, as often
//! as `?retry=` of the first address that has it says. Meanwhile the caller is held, with what it has said so far.

use std::sync::Arc;

use conversation::{CloseReason, DialFailure, DialFailureKind, Dialling, Moment, Notice, Outbox, Retries};

use super::targets::{Place, Taken, Targets, Tried};

pub(super) struct Seeking {
    targets: Arc<Targets>,
    number: u64,
    retries: Retries,
    tried: Tried,
    /// The time to connect runs from here.
    began: Moment,
    /// Something has failed in this round that may pass.
    may_pass: bool,
    taken: Option<Taken>,
    /// Its place among those who are held.
    place: Option<Place>,
}

impl Seeking {
    /// The search of the call of this number.
    pub(super) fn new(targets: &Arc<Targets>, number: u64, seed: u64, began: Moment) -> Seeking {
        let mut options = targets.addresses().iter().map(|address| &address.options);
        let says = options.clone().find(|options| options.retries().is_some()).or_else(|| options.next());
        let seed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15); // neighbours do not wait alike
        let retries = Retries::of(&says.cloned().unwrap_or_default(), seed);
        let (tried, may_pass, taken, place) = (Tried::default(), false, None, None);
        Seeking { targets: Arc::clone(targets), number, retries, tried, began, may_pass, taken, place }
    }

    /// Whom to dial first; with what the call ends at once where nobody is up and nobody more is held.
    pub(super) fn first(&mut self) -> Result<Dialling, CloseReason> {
        if self.targets.are_all_down(self.began) && Place::are_none(&self.targets) {
            return Err(CloseReason::NOT_HELD);
        }
        self.next(self.began, None).ok_or(CloseReason::Finished) // there is one address at least
    }

    /// Whom to dial now that this has failed, or with what the call ends.
    pub(super) fn failed(
        &mut self,
        why: &DialFailure,
        out: &mut Outbox<'_>,
    ) -> Result<Dialling, CloseReason> {
        let now = out.now().moment;
        if let Some(Taken { at, .. }) = self.taken.take().as_ref() {
            self.tried = self.tried.with(*at);
            // What is short here for a moment says nothing of them.
            let is_ours = why.kind == DialFailureKind::Other && why.may_pass;
            if self.targets.are_watched()
                && !is_ours
                && let Some(lasting) = self.targets.failed(*at, now)
            {
                let address = self.targets.addresses()[*at].shown().to_string();
                let others = self.targets.addresses().len() > 1;
                out.tell(Notice::Down { address, why: why.text.clone(), lasting: others.then_some(lasting) });
            }
        }
        self.may_pass |= why.may_pass;
        if let Some(next) = self.next(now, None) {
            out.tell(Notice::PassedOver { why: why.text.clone() });
            return Ok(next);
        }
        let wait = if self.may_pass { self.retries.after_failure() } else { None };
        let Some(after) = wait else { return Err(CloseReason::NotDialled(why.kind)) };
        if self.place.is_none() {
            self.place = Some(Place::take(&self.targets).ok_or(CloseReason::NOT_HELD)?);
        }
        (self.tried, self.may_pass, self.began) = (Tried::default(), false, now + after);
        out.tell(Notice::DialsAgain { why: why.text.clone(), after });
        self.next(self.began, Some(self.began)).ok_or(CloseReason::NotDialled(why.kind))
    }

    /// It is reached: what is left to hold is that it has this call.
    pub(super) fn reached(mut self, out: &mut Outbox<'_>) -> Option<Taken> {
        let taken = self.taken.take()?;
        if self.targets.reached(taken.at) {
            let address = self.targets.addresses()[taken.at].shown().to_string();
            out.tell(Notice::Up { address });
        }
        Some(taken)
    }

    /// The next of this round, if one is left.
    fn next(&mut self, now: Moment, not_before: Option<Moment>) -> Option<Dialling> {
        let at = self.targets.choose(self.number, self.tried, now)?;
        self.taken = Some(Taken::new(&self.targets, at));
        let address = self.targets.addresses()[at].clone();
        let left = self.targets.addresses().len() - self.tried.count();
        let within = address.connect_timeout().saturating_sub(now.since(self.began));
        let within =
            (self.targets.addresses().len() > 1).then(|| within / u32::try_from(left).unwrap_or(u32::MAX));
        Some(Dialling { address, not_before, within })
    }
}
