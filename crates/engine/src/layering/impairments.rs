//! What an address asks of its impairing layer: options to settings.
//!
//! The same is said to a run that goes on, by what controls it. Protected: what has no meaning on bytes, or on messages, is
//! refused in a sentence.

use std::time::Duration;

use address::{Address, OptionKey, OptionValue, Options, Shape, Way};
use layers::{After, Faults, ImpairSettings};

use super::LayeringError;

/// Where chance begins where nothing is said.
const SEED: u64 = 1;

/// The settings that an address asks for.
pub(super) fn settings(address: &Address) -> Result<ImpairSettings, LayeringError> {
    let mut settings = ImpairSettings { seed: SEED, ..ImpairSettings::default() };
    change(&mut settings, &address.options);
    let shape = shape_below(address);
    match wrong(&settings, shape) {
        Some(why) => Err(LayeringError::misfit(why)),
        None => Ok(settings),
    }
}

/// The shape of what the layer lies on; `None` where that is known only once it is open.
pub(super) fn shape_below(address: &Address) -> Option<Shape> {
    let below = address.layers.iter().take_while(|layer| *layer != address::Layer::Impair);
    below.filter_map(address::Layer::shape).last().or(address.transport.shape())
}

/// Takes over what these options say; what they do not name stays.
pub(super) fn change(settings: &mut ImpairSettings, options: &Options) {
    for way in [Way::In, Way::Out] {
        for row in ROWS {
            if let Some(value) = options.one_way(row.key, way) {
                (row.set)(settings.of_mut(way), Some(value));
            }
        }
    }
    let number = |key| options.integer(key).and_then(|number| u64::try_from(number).ok());
    settings.fail_first = number(OptionKey::FailFirst).unwrap_or(settings.fail_first);
    settings.seed = number(OptionKey::Seed).unwrap_or(settings.seed);
    settings.refuse = options.flag(OptionKey::Refuse).unwrap_or(settings.refuse);
}

/// One option of a direction.
pub(super) struct Row {
    pub(super) key: OptionKey,
    /// What its value would have to be; nothing where it need not be there.
    pub(super) get: fn(&Faults) -> Option<OptionValue>,
    /// Sets it; without a value, to what it is where it is not there.
    pub(super) set: fn(&mut Faults, Option<&OptionValue>),
}

const fn row(
    key: OptionKey,
    get: fn(&Faults) -> Option<OptionValue>,
    set: fn(&mut Faults, Option<&OptionValue>),
) -> Row {
    Row { key, get, set }
}

/// Every option of a direction.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(OptionKey::Delay, |of| span(of.delay), |of, value| of.delay = to_span(value)),
    row(OptionKey::Jitter, |of| span(of.jitter), |of, value| of.jitter = to_span(value)),
    row(OptionKey::Loss, |of| share(of.loss), |of, value| of.loss = to_share(value)),
    row(OptionKey::Burst, |of| of.burst.map(integer), |of, value| of.burst = to_integer(value)),
    row(OptionKey::Duplicate, |of| share(of.duplicate), |of, value| of.duplicate = to_share(value)),
    row(OptionKey::Reorder, |of| share(of.reorder), |of, value| of.reorder = to_share(value)),
    row(OptionKey::Corrupt, |of| share(of.corrupt), |of, value| of.corrupt = to_share(value)),
    row(OptionKey::Rate, |of| of.rate.map(OptionValue::Rate), |of, value| of.rate = to_rate(value)),
    row(OptionKey::TotalRate, |of| of.total_rate.map(OptionValue::Rate), |of, value| of.total_rate = to_rate(value)),
    row(OptionKey::Queue, |of| of.queue_bytes.map(OptionValue::Size), |of, value| of.queue_bytes = to_size(value)),
    row(OptionKey::QueueMessages, |of| of.queue_messages.map(integer), |of, value| of.queue_messages = to_integer(value)),
    row(OptionKey::Slice, |of| of.slice_bytes.map(|bytes| OptionValue::Size(bytes as u64)),
        |of, value| of.slice_bytes = to_size(value).and_then(|bytes| usize::try_from(bytes).ok())),
    row(OptionKey::StallAfter, |of| of.stall_after.map(after), |of, value| of.stall_after = to_after(value)),
    row(OptionKey::CloseAfter, |of| of.close_after.map(after), |of, value| of.close_after = to_after(value)),
    row(OptionKey::ResetAfter, |of| of.reset_after.map(after), |of, value| of.reset_after = to_after(value)),
];

fn span(span: Duration) -> Option<OptionValue> {
    (!span.is_zero()).then_some(OptionValue::Duration(span))
}

fn to_span(value: Option<&OptionValue>) -> Duration {
    if let Some(OptionValue::Duration(span)) = value { *span } else { Duration::ZERO }
}

fn share(millionths: u32) -> Option<OptionValue> {
    (millionths > 0).then_some(OptionValue::Share(millionths))
}

fn to_share(value: Option<&OptionValue>) -> u32 {
    if let Some(OptionValue::Share(millionths)) = value { *millionths } else { 0 }
}

fn integer(number: u32) -> OptionValue {
    OptionValue::Integer(number.into())
}

fn to_integer(value: Option<&OptionValue>) -> Option<u32> {
    if let Some(OptionValue::Integer(number)) = value { u32::try_from(*number).ok() } else { None }
}

fn to_rate(value: Option<&OptionValue>) -> Option<u64> {
    if let Some(OptionValue::Rate(bytes)) = value { Some(*bytes) } else { None }
}

fn to_size(value: Option<&OptionValue>) -> Option<u64> {
    if let Some(OptionValue::Size(bytes)) = value { Some(*bytes) } else { None }
}

fn after(after: After) -> OptionValue {
    match after {
        After::Bytes(bytes) => OptionValue::Size(bytes),
        After::Time(time) => OptionValue::Duration(time),
    }
}

fn to_after(value: Option<&OptionValue>) -> Option<After> {
    if let Some(OptionValue::Duration(time)) = value {
        return Some(After::Time(*time));
    }
    to_size(value).map(After::Bytes)
}

/// Whether a direction has something.
type Is = fn(&Faults) -> bool;

/// What does not go together, in a sentence.
pub(super) fn wrong(settings: &ImpairSettings, shape: Option<Shape>) -> Option<String> {
    let both = [&settings.inward, &settings.outward];
    let any = |is: Is| both.iter().any(|faults| is(faults));
    if shape == Some(Shape::Stream) {
        let of_messages: [(OptionKey, Is); 5] = [
            (OptionKey::Loss, |faults| faults.loss > 0),
            (OptionKey::Burst, |faults| faults.burst.is_some()),
            (OptionKey::Duplicate, |faults| faults.duplicate > 0),
            (OptionKey::Reorder, |faults| faults.reorder > 0),
            (OptionKey::QueueMessages, |faults| faults.queue_messages.is_some()),
        ];
        if let Some((key, _)) = of_messages.into_iter().find(|(_, is)| any(*is)) {
            return Some(format!(
                "{key} is for messages, and here are bytes, of which none is lost or overtakes another; they can be late \
                 (delay, rate), cut (slice), wrong (corrupt) or end (stall-after, close-after, reset-after)"
            ));
        }
    }
    if shape.is_some_and(Shape::keeps_boundaries) && any(|faults| faults.slice_bytes.is_some()) {
        return Some("slice cuts a byte stream, and here are messages, which pass whole".to_owned());
    }
    if any(|faults| faults.burst.is_some() && faults.loss == 0) {
        return Some("burst says how many are lost in a row; loss says how many in all".to_owned());
    }
    let has_queue = |faults: &Faults| faults.queue_bytes.is_some() || faults.queue_messages.is_some();
    let has_rate = |faults: &Faults| faults.rate.is_some() || faults.total_rate.is_some();
    if both.iter().any(|faults| has_queue(faults) && !has_rate(faults)) {
        return Some(
            "a queue is what waits for its turn at a rate: rate or total-rate is missing".to_owned(),
        );
    }
    if both.iter().any(|faults| faults.jitter > faults.delay) {
        let delay = both.iter().map(|faults| faults.delay).min().unwrap_or(Duration::ZERO);
        return Some(format!(
            "jitter is around the delay, and cannot be more: a delay of {} ms",
            delay.as_secs_f64() * 1000.0
        ));
    }
    None
}
