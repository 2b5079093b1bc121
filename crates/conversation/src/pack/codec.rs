//! One value of a message: packed and unpacked.

use super::error::PackProblem;
use super::half;
use super::letter::{Kind, Letter, Order};
use super::value::{Value, integer};

/// Where a value lies, and as what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) letter: &'static Letter,
    pub(super) offset: usize,
    pub(super) size_bytes: usize,
}

impl Field {
    /// The value that a word of text means here.
    pub(super) fn value_of(self, word: &[u8]) -> Result<Value, PackProblem> {
        let text = std::str::from_utf8(word).unwrap_or_default();
        let read = match self.letter.kind {
            Kind::Signed | Kind::Unsigned => integer(text).map(Value::Integer),
            Kind::Float => text.parse().ok().map(Value::Float),
            Kind::Boolean => text.parse().ok().map(Value::Boolean),
            Kind::Pad | Kind::Character | Kind::Text | Kind::CountedText => Some(Value::Bytes(word.to_vec())),
        };
        read.ok_or_else(|| self.no_such_value())
    }

    /// Puts the value where it belongs in `message`, which is zero there.
    pub(super) fn pack(self, value: &Value, order: Order, message: &mut [u8]) -> Result<(), PackProblem> {
        let place = &mut message[self.offset..self.offset + self.size_bytes];
        match (self.letter.kind, value) {
            (Kind::Signed | Kind::Unsigned, Value::Integer(number)) => {
                let (least, most) = self.range();
                if !(least..=most).contains(number) {
                    return Err(PackProblem::OutOfRange { letter: self.letter.letter, least, most });
                }
                put(place, &number.to_be_bytes(), order);
            }
            (Kind::Float, Value::Float(number)) => self.pack_float(*number, order, place)?,
            (Kind::Float, Value::Integer(number)) => self.pack_float(*number as f64, order, place)?,
            (Kind::Boolean, Value::Boolean(truth)) => place[0] = u8::from(*truth),
            (Kind::Character, Value::Bytes(bytes)) if bytes.len() == 1 => place[0] = bytes[0],
            (Kind::Text, Value::Bytes(bytes)) => self.pack_string(bytes, place)?,
            (Kind::CountedText, Value::Bytes(bytes)) => {
                if let Some((length, place)) = place.split_first_mut() {
                    let most = place.len().min(usize::from(u8::MAX));
                    self.pack_string(bytes, &mut place[..most])?;
                    *length = bytes.len() as u8;
                } else {
                    self.pack_string(bytes, place)?;
                }
            }
            (
                Kind::Signed | Kind::Unsigned | Kind::Float | Kind::Boolean | Kind::Character | Kind::Pad,
                _,
            )
            | (Kind::Text | Kind::CountedText, Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => {
                return Err(self.no_such_value());
            }
        }
        Ok(())
    }

    fn pack_float(self, number: f64, order: Order, place: &mut [u8]) -> Result<(), PackProblem> {
        let (half, single) = (half::to_bits(number), number as f32);
        let (bytes, is_finite) = match self.size_bytes {
            2 => (u64::from(half), half::from_bits(half).is_finite()),
            4 => (u64::from(single.to_bits()), single.is_finite()),
            _ => (number.to_bits(), true),
        };
        if number.is_finite() && !is_finite {
            return Err(PackProblem::FloatTooLarge { letter: self.letter.letter });
        }
        put(place, &bytes.to_be_bytes(), order);
        Ok(())
    }

    fn pack_string(self, bytes: &[u8], place: &mut [u8]) -> Result<(), PackProblem> {
        let bytes_max = place.len();
        let Some(place) = place.get_mut(..bytes.len()) else {
            return Err(PackProblem::StringTooLong { bytes_max, bytes: bytes.len() });
        };
        place.copy_from_slice(bytes);
        Ok(())
    }

    /// The value in a message of the format's length.
    pub(super) fn unpack(self, order: Order, message: &[u8]) -> Value {
        let place = &message[self.offset..self.offset + self.size_bytes];
        match self.letter.kind {
            Kind::Unsigned => Value::Integer(take(place, order) as i128),
            Kind::Signed => {
                let unused = u128::BITS - 8 * self.size_bytes as u32;
                Value::Integer((take(place, order) << unused) as i128 >> unused)
            }
            Kind::Float => Value::Float(match self.size_bytes {
                2 => half::from_bits(take(place, order) as u16),
                4 => f32::from_bits(take(place, order) as u32).into(),
                _ => f64::from_bits(take(place, order) as u64),
            }),
            Kind::Boolean => Value::Boolean(place[0] != 0),
            Kind::Pad | Kind::Character => Value::Bytes(place.to_vec()),
            Kind::Text => {
                let length = place.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                Value::Bytes(place[..length].to_vec())
            }
            Kind::CountedText => Value::Bytes(match place.split_first() {
                Some((length, string)) => string[..string.len().min((*length).into())].to_vec(),
                None => Vec::new(),
            }),
        }
    }

    /// The least and the largest integer that fits.
    fn range(self) -> (i128, i128) {
        let bits = 8 * self.size_bytes as u32;
        if self.letter.kind == Kind::Signed {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        } else {
            (0, (1 << bits) - 1)
        }
    }

    fn no_such_value(self) -> PackProblem {
        let wanted = match self.letter.kind {
            Kind::Signed | Kind::Unsigned => "an integer",
            Kind::Float => "a number",
            Kind::Boolean => "true or false",
            Kind::Character => "a string of one byte",
            Kind::Pad | Kind::Text | Kind::CountedText => "a string",
        };
        PackProblem::Kind { letter: self.letter.letter, wanted }
    }
}

/// The last bytes of a big-endian number, as many as there is place for.
fn put(place: &mut [u8], big_endian: &[u8], order: Order) {
    place.copy_from_slice(&big_endian[big_endian.len() - place.len()..]);
    if !order.is_big {
        place.reverse();
    }
}

/// The number in at most eight bytes.
fn take(place: &[u8], order: Order) -> u128 {
    let fold = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    if order.is_big { place.iter().fold(0, fold) } else { place.iter().rev().fold(0, fold) }
}
