//! Lines of `--trace`, read again.

/// `TIME  [WHO] CALL(ARGUMENTS) = RESULT  N µs  WORD`.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    /// `[pid 4711]`; empty for the first thread.
    pub who: String,
    call: String,
    word: String,
}

/// The lines of a trace among all that was said on standard error.
pub fn lines(stderr: &str) -> Vec<Line> {
    stderr.lines().filter(|line| line.contains(" µs  ")).map(read).collect()
}

/// Those of one call.
pub fn named(lines: &[Line], name: &str) -> Vec<Line> {
    lines.iter().filter(|line| line.name() == name).cloned().collect()
}

fn read(text: &str) -> Line {
    let (time, rest) = text.split_once("  ").unwrap();
    assert!(time.len() == "00:00:00.000000".len(), "{text}");
    let (rest, word) = rest.rsplit_once("  ").unwrap();
    let (rest, took) = rest.rsplit_once("  ").unwrap();
    assert!(took.ends_with(" µs"), "{text}");
    let (who, call) = match rest.split_once("] ") {
        Some((who, call)) if rest.starts_with('[') => (format!("{who}]"), call),
        _ => (String::new(), rest),
    };
    Line { text: text.to_owned(), who, call: call.to_owned(), word: word.to_owned() }
}

impl Line {
    /// `close(3) = 0`.
    pub fn call(&self) -> &str {
        &self.call
    }

    pub fn name(&self) -> &str {
        self.call.split_once('(').unwrap().0
    }

    /// What stands between the brackets.
    pub fn arguments(&self) -> &str {
        self.call.split_once('(').unwrap().1.split_once(") = ").unwrap().0
    }

    /// The first of them.
    pub fn descriptor(&self) -> &str {
        self.arguments().split(',').next().unwrap()
    }

    pub fn result(&self) -> &str {
        self.call.split_once(") = ").unwrap().1
    }

    pub fn word(&self) -> &str {
        &self.word
    }
}
