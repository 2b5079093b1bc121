//! Half-precision numbers: IEEE 754 binary16, as the letter `e` packs them.
//!
//! One bit of sign, five of exponent, ten of fraction; rounded to the nearest, ties to even.

const INFINITE: u16 = 0x7c00;
const NOT_A_NUMBER: u16 = 0x7e00;
/// The least exponent of a number whose fraction has an implied first bit.
const EXPONENT_MIN: i32 = -14;

/// The nearest half, as bits. Infinite from 65,520 on.
pub(super) fn to_bits(number: f64) -> u16 {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = number.abs();
    if number.is_nan() {
        return sign | NOT_A_NUMBER;
    }
    if magnitude >= 65_520.0 {
        return sign | INFINITE;
    }
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(EXPONENT_MIN);
    // Whole units in the last place: up to 2048, which carries into the exponent.
    let units = (magnitude / power_of_two(exponent - 10)).round_ties_even() as u16;
    sign + (((exponent - EXPONENT_MIN) as u16) << 10) + units
}

/// The number, exactly.
pub(super) fn from_bits(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * power_of_two(EXPONENT_MIN - 10),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * power_of_two(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// For exponents from -1022 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_exact_and_every_number_between_two_goes_to_the_nearer_or_the_even_one() {
        for bits in 0..INFINITE {
            let (number, next) = (from_bits(bits), from_bits(bits + 1));
            assert_eq!(to_bits(number), bits);
            assert_eq!(to_bits(-number), 0x8000 | bits);
            if bits + 1 == INFINITE {
                break;
            }
            let middle = (number + next) / 2.0;
            assert_eq!(to_bits(middle), bits + bits % 2, "{middle}");
            assert_eq!(to_bits(middle.next_down()), bits);
            assert_eq!(to_bits(middle.next_up()), bits + 1);
        }
        assert_eq!((to_bits(65_519.99), to_bits(65_520.0)), (INFINITE - 1, INFINITE));
        assert!(from_bits(to_bits(f64::NAN)).is_nan());
        assert_eq!(from_bits(to_bits(f64::NEG_INFINITY)), f64::NEG_INFINITY);
    }
}
