//! Values that layers read: a path and a header of HTTP, an origin, a fingerprint.
//!
//! RFC 9110 sections 5.1 and 5.6.2 for names, RFC 3986 section 3.3 for paths, RFC 6454 section 7 for origins.
//! Protected: none of them can end a line of HTTP, or begin another.

/// Bytes of a header's name and value at most; a whole head of HTTP has 16 KiB here.
pub(crate) const HEADER_BYTES_MAX: usize = 8192;
/// Bytes of a path at most.
pub(crate) const PATH_BYTES_MAX: usize = 4096;
/// Bytes of a token at most.
pub(crate) const TOKEN_BYTES_MAX: usize = 255;
/// Words that stand for origins.
const ORIGINS: &[&str] = &["any", "same", "null"];
/// In front of the digits of a fingerprint.
const SHA256: &str = "sha256:";

/// Whether a text is what is asked for in HTTP, with its query: `/chat?room=1`.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Whether a text is a token: the name of a header or a subprotocol.
pub(crate) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// The name and value of a header: `NAME:VALUE`, with or without spaces around the value.
pub(crate) fn parse_header(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').map(|(name, value)| (name, value.trim_matches(' ')))
}

/// Whether a text says from which pages calls may come: `https://example.org`, or a word for them.
pub(crate) fn is_origin(text: &str) -> bool {
    let is_of_a_site = |(scheme, host): (&str, &str)| {
        is_token(scheme)
            && !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@".contains(&byte))
    };
    ORIGINS.contains(&text) || text.split_once("://").is_some_and(is_of_a_site)
}

/// The SHA-256 of a certificate: 64 hexadecimal digits, with colons between the bytes or none.
pub(crate) fn parse_fingerprint(text: &str) -> Option<[u8; 32]> {
    let (prefix, digits) = text.split_at_checked(SHA256.len())?;
    if !prefix.eq_ignore_ascii_case(SHA256) {
        return None;
    }
    let has_colons = digits.len() == 95 && digits.bytes().skip(2).step_by(3).all(|byte| byte == b':');
    let digits = if has_colons { digits.replace(':', "") } else { digits.to_owned() };
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The text that parses back to it.
pub(crate) fn write_fingerprint(to: &mut impl std::fmt::Write, bytes: &[u8; 32]) -> std::fmt::Result {
    to.write_str(SHA256)?;
    bytes.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
}
