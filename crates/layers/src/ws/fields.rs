//! Header fields of HTTP (RFC 9110 section 5): names without case, values as text, lists of tokens.

use httparse::Header;

/// The values of all fields of this name, as far as they are text.
pub(super) fn all<'h>(fields: &[Header<'h>], name: &str) -> impl Iterator<Item = &'h str> {
    let same = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    same.filter_map(|field| std::str::from_utf8(field.value).ok().map(str::trim))
}

/// The value of a field that may be there once: `Err` if it is there more often, or no text.
pub(super) fn at_most_one<'h>(fields: &[Header<'h>], name: &str) -> Result<Option<&'h str>, ()> {
    let count = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    let value = all(fields, name).next();
    if count > 1 || (count == 1 && value.is_none()) { Err(()) } else { Ok(value) }
}

/// The tokens of a list, which may lie in several fields.
pub(super) fn tokens<'h>(fields: &[Header<'h>], name: &str) -> impl Iterator<Item = &'h str> {
    all(fields, name).flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// Whether a list has this token.
pub(super) fn has_token(fields: &[Header<'_>], name: &str, token: &str) -> bool {
    tokens(fields, name).any(|found| found.eq_ignore_ascii_case(token))
}
