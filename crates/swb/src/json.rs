//! JSON text of values, RFC 8259.
//!
//! Protected: the text is one line of printable ASCII whatever the strings hold, so that it can drive no
//! terminal; all other characters are written as `\uXXXX` (section 7).

use std::fmt::{self, Write as _};
use std::time::Duration;

/// A value. Its [`Display`](fmt::Display) is the JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    /// To three decimals; null where it is no finite number.
    Decimal(f64),
    /// In seconds, to the microsecond.
    Seconds(Duration),
    Text(String),
    List(Vec<Json>),
    /// Members in this order.
    Object(Vec<(&'static str, Json)>),
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Json {
        Json::Number(value)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Json::Decimal(value)
    }
}

impl From<Duration> for Json {
    fn from(value: Duration) -> Json {
        Json::Seconds(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Json {
        Json::Text(value)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Null, Into::into)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(value) => write!(f, "{value}"),
            Json::Decimal(value) if value.is_finite() => write!(f, "{value:.3}"),
            Json::Decimal(_) => f.write_str("null"),
            Json::Seconds(value) => write!(f, "{:.6}", value.as_secs_f64()),
            Json::Text(value) => write_text(f, value),
            Json::List(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { "," })?;
                }
                f.write_char(']')
            }
            Json::Object(members) => {
                f.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            ' '..='~' => f.write_char(character)?,
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_rfc_8259_has_them() {
        let value = Json::Object(vec![
            ("name", "echo".into()),
            ("open", Json::List(vec![1.into(), 2.into()])),
            ("ready", true.into()),
            ("rate", Json::List(vec![0.125.into(), f64::NAN.into()])),
            ("why", Json::from(None::<u64>)),
        ]);
        assert_eq!(
            value.to_string(),
            r#"{"name":"echo","open":[1,2],"ready":true,"rate":[0.125,null],"why":null}"#
        );
    }

    #[test]
    fn a_string_is_one_line_of_printable_ascii() {
        let hostile = "a\"\\\n\u{1b}[31m\u{9b}\u{202e}é😀";
        let text = Json::from(hostile).to_string();
        assert_eq!(text, r#""a\"\\\n\u001b[31m\u009b\u202e\u00e9\ud83d\ude00""#);
    }
}
