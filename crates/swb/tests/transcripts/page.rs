//! Transcripts as they stand on a page: which terminal is given what, and shows what.

/// One block of a page.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The paragraph before it.
    pub(crate) title: String,
    /// Its first line, counted from 1.
    pub(crate) line: usize,
    /// What happens, in the order in which it happens.
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) terminal: Mark,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `$`
    First,
    /// `%`
    Second,
}

impl Mark {
    pub(crate) const BOTH: [Mark; 2] = [Mark::First, Mark::Second];

    fn text(self) -> &'static str {
        match self {
            Mark::First => "$ ",
            Mark::Second => "% ",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// A command is given to the shell.
    Command(String),
    /// A line is typed into the program that runs; `^D` and `^C` as in a terminal.
    Typed(String),
    /// A line is shown.
    Shown(String),
}

/// Every indented block of a page of Markdown that begins with `$`.
pub(crate) fn transcripts(page: &str) -> Vec<Transcript> {
    let lines: Vec<&str> = page.lines().collect();
    let mut found = Vec::new();
    let (mut at, mut title) = (0, String::new());
    while at < lines.len() {
        let length = block_length(&lines[at..]);
        let block: Vec<&str> =
            lines[at..at + length].iter().map(|line| line.get(4..).unwrap_or("")).collect();
        if block.first().is_some_and(|line| line.starts_with(Mark::First.text())) {
            let columns = block.iter().any(|line| line.contains('│'));
            let steps = if columns { in_columns(&block) } else { in_sections(&block) };
            found.push(Transcript { title: title.clone(), line: at + 1, steps });
        } else if length == 0 && !lines[at].trim().is_empty() {
            lines[at].clone_into(&mut title);
        }
        at += length.max(1);
    }
    found
}

/// How many lines from here are indented, blank ones between them included.
fn block_length(lines: &[&str]) -> usize {
    let is_of_it = |line: &&&str| line.starts_with("    ") || line.trim().is_empty();
    if !lines[0].starts_with("    ") {
        return 0;
    }
    let block: Vec<_> = lines.iter().take_while(is_of_it).collect();
    block.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1)
}

/// Two columns: what stands below comes after.
fn in_columns(block: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in block {
        let (first, second) = line.split_once('│').unwrap_or((line, ""));
        for (terminal, cell) in [(Mark::First, first), (Mark::Second, second)] {
            let cell = cell.strip_prefix(' ').filter(|_| terminal == Mark::Second).unwrap_or(cell).trim_end();
            if !cell.is_empty() {
                steps.push(step(terminal, cell));
            }
        }
    }
    steps
}

/// Sections of one terminal each. What a server shows behind its `listening` comes of what the others do below.
fn in_sections(block: &[&str]) -> Vec<Step> {
    let sections: Vec<Vec<Step>> =
        block.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()).map(section).collect();
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for mut steps in sections {
        let is_ready =
            |step: &Step| matches!(&step.what, What::Shown(line) if line.starts_with("listening "));
        if let Some(ready) = steps.iter().rposition(is_ready) {
            later.extend(steps.split_off(ready + 1));
        }
        now.extend(steps);
    }
    now.extend(later);
    now
}

fn section(lines: &[&str]) -> Vec<Step> {
    let mark = Mark::BOTH.into_iter().find(|mark| lines[0].starts_with(mark.text()));
    let mark = mark.unwrap_or_else(|| panic!("neither `$` nor `%` begins {:?}", lines[0]));
    lines.iter().map(|line| step(mark, line.trim_end())).collect()
}

fn step(terminal: Mark, line: &str) -> Step {
    let what = if let Some(command) = line.strip_prefix(terminal.text()) {
        What::Command(command.to_owned())
    } else if let Some(typed) = line.strip_prefix("> ") {
        What::Typed(typed.to_owned())
    } else {
        What::Shown(line.to_owned())
    };
    Step { terminal, what }
}

#[test]
fn a_block_of_sections_has_what_a_server_shows_later_at_its_end() {
    let page = "Title:\n\n    $ serve\n    listening x\n    called\n\n    % ask\n    hi\n\nText\n";
    let transcripts = transcripts(page);
    assert_eq!((transcripts.len(), transcripts[0].title.as_str(), transcripts[0].line), (1, "Title:", 3));
    let shown: Vec<_> = transcripts[0].steps.iter().map(|step| (step.terminal, step.what.clone())).collect();
    let (shows, gives) = (|line: &str| What::Shown(line.into()), |line: &str| What::Command(line.into()));
    assert_eq!(
        shown,
        [
            (Mark::First, gives("serve")),
            (Mark::First, shows("listening x")),
            (Mark::Second, gives("ask")),
            (Mark::Second, shows("hi")),
            (Mark::First, shows("called")),
        ]
    );
}

#[test]
fn a_block_of_columns_happens_from_top_to_bottom() {
    let page = "    $ listen    │\n                │ % call\n                │ > hello\n    hello       │\n";
    let steps = &transcripts(page)[0].steps;
    let whats: Vec<_> = steps.iter().map(|step| step.what.clone()).collect();
    assert_eq!(
        whats,
        [
            What::Command("listen".into()),
            What::Command("call".into()),
            What::Typed("hello".into()),
            What::Shown("hello".into()),
        ]
    );
}
