//! The words of a command.
//!
//! POSIX.1-2024 shell command language, section 2.2: quotes and backslashes, and nothing else of a shell. Nothing is
//! looked up and nothing is expanded; what is to be expanded is for `sh:`.

use std::fmt;

use crate::scheme::Transport;

/// The program to be started and its arguments: the words of an `exec:` command, cut as a shell cuts them; for `sh:`
/// the shell, which reads the command itself. Empty for a command without words.
///
/// # Errors
/// A quote is not closed.
pub fn command_words(transport: Transport, command: &str) -> Result<Vec<String>, UnclosedQuote> {
    if transport == Transport::Shell {
        let has_words = !command.trim().is_empty();
        let words = ["/bin/sh", "-c", command].map(str::to_owned);
        return Ok(if has_words { words.into() } else { Vec::new() });
    }
    shell_words::split(command).map_err(|_| UnclosedQuote)
}

/// A command has a quote that is not closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnclosedQuote;

impl fmt::Display for UnclosedQuote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quote in the command is not closed")
    }
}

impl std::error::Error for UnclosedQuote {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_spaces_that_no_quote_holds() {
        for (command, words) in [
            ("cat", &["cat"][..]),
            ("grep -i 'a b' \"c d\" e\\ f", &["grep", "-i", "a b", "c d", "e f"]),
            ("echo $HOME *", &["echo", "$HOME", "*"]),
            ("  ", &[]),
        ] {
            assert_eq!(command_words(Transport::Exec, command).unwrap(), words, "{command:?}");
        }
        assert_eq!(command_words(Transport::Exec, "echo 'a"), Err(UnclosedQuote));
    }

    #[test]
    fn the_shell_gets_the_command_as_it_is() {
        let command = "echo 'a b' | wc -c";
        assert_eq!(command_words(Transport::Shell, command).unwrap(), ["/bin/sh", "-c", command]);
    }
}
