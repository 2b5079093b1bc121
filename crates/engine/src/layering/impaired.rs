//! An impaired address whose faults are looked at and changed while calls go on.
//!
//! Words are those of its options: `delay=100ms`, `loss=in:5%`; `off` alone takes every fault away, and behind a name that
//! one. Protected: what is wrong changes nothing, and is said as where an address says it.

use std::sync::Arc;

use address::{Layer, OPTIONS, OptionKey, OptionRow, Options, Shape, Way, nearest};
use layers::{Counts, ImpairSettings, Impairments};

use super::impairments::{ROWS, change, wrong};

/// The faults of one address: shared by all its calls, those that are open too.
#[derive(Clone, Debug)]
pub struct Impaired {
    name: String,
    all: Arc<Impairments>,
    shape: Option<Shape>,
}

impl Impaired {
    pub(super) fn new(name: String, all: Arc<Impairments>, shape: Option<Shape>) -> Impaired {
        Impaired { name, all, shape }
    }

    /// The address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its faults, as they stand in an address: `delay=100ms&loss=in:5%`.
    #[must_use]
    pub fn shown(&self) -> String {
        let settings = self.all.settings();
        let mut words = Vec::new();
        for row in ROWS {
            match [Way::In, Way::Out].map(|way| (row.get)(settings.of(way))) {
                [Some(one), Some(other)] if one == other => words.push(format!("{}={one}", row.key)),
                [inward, outward] => {
                    words.extend(inward.map(|value| format!("{}=in:{value}", row.key)));
                    words.extend(outward.map(|value| format!("{}=out:{value}", row.key)));
                }
            }
        }
        if settings.fail_first > 0 {
            words.push(format!("fail-first={}", settings.fail_first));
        }
        if settings.refuse {
            words.push("refuse".to_owned());
        }
        words.push(format!("seed={}", settings.seed));
        words.join("&")
    }

    /// Whether messages may be lost, wrong, or come otherwise than in their order and once.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.all.settings().is_lossy()
    }

    /// What became of all that came in this direction of the calls that are over.
    #[must_use]
    pub fn total(&self, way: Way) -> Counts {
        self.all.total(way)
    }

    /// The settings that it would have with these words.
    ///
    /// # Errors
    ///
    /// A sentence: a word is none, or what they ask for does not go together.
    pub fn with<'w>(&self, words: impl Iterator<Item = &'w str>) -> Result<ImpairSettings, String> {
        let mut settings = self.all.settings();
        for word in words {
            settings = changed(settings, word)?;
        }
        wrong(&settings, self.shape).map_or(Ok(settings), Err)
    }

    /// Changes them, for calls that are open too.
    pub fn set(&self, settings: ImpairSettings) {
        self.all.set(settings);
    }
}

fn rows() -> impl Iterator<Item = &'static OptionRow> {
    OPTIONS.iter().filter(|row| row.applies.layers == [Layer::Impair])
}

/// The settings with what one word says.
fn changed(mut settings: ImpairSettings, word: &str) -> Result<ImpairSettings, String> {
    if word == "off" {
        return Ok(ImpairSettings { seed: settings.seed, ..ImpairSettings::default() });
    }
    let (name, text) = word.split_once('=').unwrap_or((word, "on"));
    let Some(row) = rows().find(|row| row.name == name) else {
        let meant = nearest(name, rows().map(|row| row.name));
        let meant =
            meant.map_or_else(|| "see `swb help impair`".to_owned(), |name| format!("did you mean {name}?"));
        return Err(format!("{name:?} impairs nothing; {meant}"));
    };
    let (way, off) = match text.split_once(':') {
        Some(("in", "off")) => (Some(Way::In), true),
        Some(("out", "off")) => (Some(Way::Out), true),
        _ => (None, text == "off"),
    };
    if off {
        take_away(&mut settings, row.key, way);
        return Ok(settings);
    }
    let value = row.parse(text).map_err(|_| format!("{name} is {}", row.kind))?;
    let mut options = Options::default();
    options.insert(row.key, value).map_err(|error| error.to_string())?;
    change(&mut settings, &options);
    Ok(settings)
}

/// Has one fault happen no more, in one direction or both. The seed stays.
fn take_away(settings: &mut ImpairSettings, key: OptionKey, only: Option<Way>) {
    for way in [Way::In, Way::Out].into_iter().filter(|way| only.is_none_or(|only| only == *way)) {
        ROWS.iter().filter(|row| row.key == key).for_each(|row| (row.set)(settings.of_mut(way), None));
    }
    if key == OptionKey::FailFirst {
        settings.fail_first = 0;
    }
    settings.refuse &= key != OptionKey::Refuse;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impaired(shape: Shape) -> Impaired {
        let all = Impairments::new(ImpairSettings { seed: 1, ..ImpairSettings::default() });
        Impaired::new("here".to_owned(), all, Some(shape))
    }

    fn set(impaired: &Impaired, words: &str) -> Result<String, String> {
        let settings = impaired.with(words.split(' '))?;
        impaired.set(settings);
        Ok(impaired.shown())
    }

    #[test]
    fn words_change_what_they_name_and_off_takes_it_away() {
        let udp = impaired(Shape::Datagram);
        assert_eq!(set(&udp, "delay=20ms loss=in:5%").unwrap(), "delay=20ms&loss=in:5%&seed=1");
        assert_eq!(set(&udp, "loss=out:5% refuse seed=9").unwrap(), "delay=20ms&loss=5%&refuse&seed=9");
        assert_eq!(set(&udp, "loss=in:off refuse=off").unwrap(), "delay=20ms&loss=out:5%&seed=9");
        assert_eq!(
            set(&udp, "off rate=1MB/s queue=9 reset-after=2s").unwrap(),
            "rate=1MB/s&queue=9&reset-after=2s&seed=9"
        );
    }

    #[test]
    fn what_is_wrong_changes_nothing_and_is_said() {
        let tcp = impaired(Shape::Stream);
        for (words, sentence) in [
            ("delay=1s loss=1%", "loss is for messages"),
            ("delay=1s dleay=2s", "did you mean delay?"),
            ("delay=fast", "delay is a duration"),
            ("queue=9", "rate or total-rate is missing"),
        ] {
            let error = set(&tcp, words).unwrap_err();
            assert!(error.contains(sentence), "{words}: {error}");
        }
        assert_eq!(tcp.shown(), "seed=1");
    }
}
