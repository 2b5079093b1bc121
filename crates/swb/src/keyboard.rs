//! The user's terminal: taken for the time of a call, and given back however the call ends.
//!
//! termios(3). While lines are edited keys come one by one (noncanonical mode) and are not echoed; signals and
//! the conversion of output stay as they are, so Ctrl-C interrupts. Lines are edited where standard input and
//! output are terminals, ours to write to (tcgetpgrp(3)), and not dumb; elsewhere nothing is changed.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Signal, getpgrp, kill_current_process_group};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};
use switchboard::services::{Console, Screen};
use switchboard::socket::write_without_blocking;

use crate::failure::Failure;
use crate::history_file::HistoryFile;
use crate::invocation;

/// What stands for a control character that there is not, termios(3): `_POSIX_VDISABLE`.
const NO_CHARACTER: u8 = 0;

/// How a person types, if one does. Dropping it gives the terminal back.
pub(crate) struct Keyboard {
    terminal: Arc<UsersTerminal>,
    screen: Option<Arc<Mutex<Screen>>>,
    history: Option<HistoryFile>,
}

impl Keyboard {
    /// Looks at what standard input and output are. Nothing is changed yet.
    ///
    /// # Errors
    ///
    /// The history cannot be read.
    pub(crate) fn open(arguments: &invocation::Terminal) -> Result<Keyboard, Failure> {
        let terminal = Arc::new(UsersTerminal::default());
        let is_edited = !arguments.no_edit && !arguments.raw && can_edit();
        let history =
            arguments.history.as_deref().filter(|_| is_edited).map(HistoryFile::open).transpose()?;
        let lines = history.iter().flat_map(HistoryFile::lines);
        let screen = is_edited.then(|| Arc::new(Mutex::new(Screen::new(lines.map(str::to_owned)))));
        Ok(Keyboard { terminal, screen, history })
    }

    /// Whether a person types at all.
    pub(crate) fn is_there(&self) -> bool {
        stdin().is_terminal()
    }

    pub(crate) fn console(&self) -> Arc<dyn Console> {
        Arc::clone(&self.terminal) as Arc<dyn Console>
    }

    pub(crate) fn screen(&self) -> Option<Arc<Mutex<Screen>>> {
        self.screen.clone()
    }

    /// Keeps the lines that were typed, and passes on how the command ended.
    pub(crate) fn close(self, result: Result<(), Failure>) -> Result<(), Failure> {
        self.terminal.give_back(b"");
        let kept = match (&self.history, &self.screen) {
            (Some(history), Some(screen)) => {
                let screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
                history.keep(screen.new_lines())
            }
            (_, _) => Ok(()),
        };
        result.and(kept)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.terminal.give_back(b"");
    }
}

fn can_edit() -> bool {
    let knows_sequences = std::env::var("TERM").is_ok_and(|name| !name.is_empty() && name != "dumb");
    let is_ours = || tcgetpgrp(stdin()).is_ok_and(|foreground| foreground == getpgrp());
    knows_sequences && stdin().is_terminal() && stdout().is_terminal() && is_ours()
}

/// Standard input and output, where they are a terminal.
#[derive(Debug, Default)]
struct UsersTerminal {
    /// How it was before it was taken.
    before: Mutex<Option<Termios>>,
}

impl UsersTerminal {
    fn before(&self) -> MutexGuard<'_, Option<Termios>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Console for UsersTerminal {
    fn tell(&self, text: &str) {
        // Where standard error is gone there is nobody to be told.
        let _ = writeln!(std::io::stderr(), "swb: {text}");
    }

    fn take(&self) {
        let mut before = self.before();
        let Ok(modes) = tcgetattr(stdin()) else { return };
        let mut taken = modes.clone();
        taken.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        taken.special_codes[SpecialCodeIndex::VMIN] = 1;
        taken.special_codes[SpecialCodeIndex::VTIME] = 0;
        // These two would leave the terminal as it is now to whoever comes after.
        taken.special_codes[SpecialCodeIndex::VQUIT] = NO_CHARACTER;
        taken.special_codes[SpecialCodeIndex::VSUSP] = NO_CHARACTER;
        // A terminal that cannot be set echoes what is typed once more; the lines are the same.
        if tcsetattr(stdin(), OptionalActions::Now, &taken).is_ok() {
            before.get_or_insert(modes);
        }
    }

    fn give_back(&self, last: &[u8]) {
        if let Some(modes) = self.before().take() {
            // It may be stopped (Ctrl-S), or gone: neither may keep us.
            let _ = write_without_blocking(stdout(), last);
            let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
        }
    }

    fn suspend(&self, last: &[u8]) {
        self.give_back(last);
        // Returns when the shell has us go on.
        if kill_current_process_group(Signal::TSTP).is_ok() {
            self.take();
        }
    }

    fn columns(&self) -> usize {
        let columns = tcgetwinsize(stdout()).map_or(0, |size| size.ws_col);
        if columns == 0 { 80 } else { columns.into() }
    }
}
