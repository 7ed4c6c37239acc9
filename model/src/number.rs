//! Numbers of both kinds, integer and float, in one exact order.

use std::cmp::Ordering;

use crate::value::Scalar;

/// 2^63: the first float above every `i64`.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

/// A number as a key of an ordered or hashed index: `i64` and `f64` compared by exact value, never rounded.
///
/// `1` and `1.0` are one key, so are `0.0` and `-0.0`; 2^53 + 1 and the float 2^53 are two. The order is total:
/// a NaN, which the doors refuse, would come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NumberKey(Repr);

/// Canonical, so that derived equality and hash are those of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Repr {
    /// A whole number within `i64`, whichever way it was written.
    Whole(i64),
    /// Bits of a float that is none: with a fraction, beyond `i64`, infinite, or the one NaN.
    Float(u64),
}

impl NumberKey {
    /// The key of a scalar that is a number.
    pub fn of(scalar: &Scalar) -> Option<Self> {
        match scalar {
            Scalar::Int(int) => Some(Self::from(*int)),
            Scalar::Float(float) => Some(Self::from(*float)),
            Scalar::Str(_) | Scalar::Bool(_) => None,
        }
    }
}

impl From<i64> for NumberKey {
    fn from(int: i64) -> Self {
        Self(Repr::Whole(int))
    }
}

impl From<f64> for NumberKey {
    fn from(float: f64) -> Self {
        if float.is_nan() {
            return Self(Repr::Float(f64::NAN.to_bits()));
        }
        // `trunc` is exact, and every whole float in this range is an `i64`.
        #[allow(clippy::float_cmp)]
        let whole = float.trunc() == float && (-BEYOND_I64..BEYOND_I64).contains(&float);
        Self(if whole { Repr::Whole(float as i64) } else { Repr::Float(float.to_bits()) })
    }
}

impl Ord for NumberKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Repr::Whole(a), Repr::Whole(b)) => a.cmp(&b),
            (Repr::Float(a), Repr::Float(b)) => f64::from_bits(a).total_cmp(&f64::from_bits(b)),
            (Repr::Whole(a), Repr::Float(b)) => whole_to_float(a, f64::from_bits(b)),
            (Repr::Float(a), Repr::Whole(b)) => whole_to_float(b, f64::from_bits(a)).reverse(),
        }
    }
}

impl PartialOrd for NumberKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Never equal: the float is none that a whole number could be.
fn whole_to_float(whole: i64, float: f64) -> Ordering {
    if float.is_nan() || float >= BEYOND_I64 {
        Ordering::Less
    } else if float < -BEYOND_I64 {
        Ordering::Greater
    } else if whole <= float.floor() as i64 {
        // It has a fraction, so it lies strictly above its floor.
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

#[cfg(test)]
mod tests;
