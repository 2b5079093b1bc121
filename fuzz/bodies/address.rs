//! Any text is an address that survives its own text, or an error of three lines.
//!
//! Protected besides: neither the address nor the error, as printed, can drive a terminal.

use address::Address;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Address>() {
        Ok(address) => {
            let shown = address.to_string();
            assert_inert(&shown);
            assert_eq!(shown.parse().as_ref(), Ok(&address), "{shown:?}");
            assert_eq!(address.clone().checked(), Ok(address));
        }
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            let shown = error.to_string();
            assert_eq!(shown.lines().count(), 3, "{shown}");
            shown.lines().for_each(assert_inert);
        }
    }
}

/// No control character, and none that turns or hides the text around it.
fn assert_inert(shown: &str) {
    let drives = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(drives), "{shown:?}");
}
