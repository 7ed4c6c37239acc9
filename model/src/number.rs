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
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const TWO_53: i64 = 1 << 53;

    /// An integer against a finite float, by the float's parts: mantissa and power of two.
    fn by_parts(int: i64, float: f64) -> Ordering {
        let bits = float.to_bits();
        let field = ((bits >> 52) & 0x7ff) as i32;
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let magnitude = if field == 0 { fraction } else { fraction | 1 << 52 };
        let mantissa = if float.is_sign_negative() { -magnitude } else { magnitude };
        let power = field.max(1) - 1_075;
        match power {
            12.. => 0.cmp(&mantissa),
            0..=11 => i128::from(int).cmp(&(mantissa << power)),
            -60..=-1 => (i128::from(int) << -power).cmp(&mantissa),
            // Nearer to zero than any integer but zero itself.
            _ if int == 0 => 0.cmp(&mantissa),
            _ => int.cmp(&0),
        }
    }

    fn float() -> impl Strategy<Value = f64> {
        let near = any::<i64>().prop_map(|int| int as f64);
        let halves = (-16_i64..16).prop_map(|half| half as f64 / 2.0);
        prop_oneof![any::<f64>().prop_filter("finite", |float| float.is_finite()), near, halves]
    }

    fn int() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            -500_i64..500,
            (-3_i64..4).prop_map(|off| TWO_53 + off),
            Just(i64::MAX),
            Just(i64::MIN)
        ]
    }

    fn key() -> impl Strategy<Value = NumberKey> {
        prop_oneof![float().prop_map(NumberKey::from), int().prop_map(NumberKey::from)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_integer_and_a_float_compare_by_exact_value(int in int(), float in float()) {
            let expected = by_parts(int, float);
            prop_assert_eq!(NumberKey::from(int).cmp(&NumberKey::from(float)), expected);
            prop_assert_eq!(NumberKey::from(float).cmp(&NumberKey::from(int)), expected.reverse());
            prop_assert_eq!(NumberKey::from(int) == NumberKey::from(float), expected.is_eq());
        }

        #[test]
        fn an_integer_meets_its_own_float_where_it_has_one(int in int()) {
            let nearest = int as f64;
            let same = nearest as i128 == i128::from(int);
            prop_assert_eq!(NumberKey::from(int) == NumberKey::from(nearest), same);
            prop_assert_eq!(by_parts(int, nearest).is_eq(), same);
        }

        #[test]
        fn floats_keep_their_own_order(a in float(), b in float()) {
            prop_assert_eq!(Some(NumberKey::from(a).cmp(&NumberKey::from(b))), a.partial_cmp(&b));
        }

        #[test]
        fn the_order_is_total(a in key(), b in key(), c in key()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert!(!(a <= b && b <= c) || a <= c);
        }
    }

    #[test]
    fn an_integer_and_a_float_of_one_value_are_one_key() {
        let keys = [1.0, -0.0, 0.0, i64::MIN as f64, TWO_53 as f64].map(NumberKey::from);
        let same = [1, 0, 0, i64::MIN, TWO_53].map(NumberKey::from);
        assert_eq!(keys, same);
        let distinct: HashSet<NumberKey> = keys.into_iter().chain(same).collect();
        assert_eq!(distinct.len(), 4, "their hashes are equal too");
    }

    #[test]
    fn integers_beyond_2_to_the_53_are_not_rounded_to_a_float() {
        let float = NumberKey::from(TWO_53 as f64);
        assert!(NumberKey::from(TWO_53 + 1) > float && NumberKey::from(TWO_53 - 1) < float);
        assert!(NumberKey::from(i64::MAX) < NumberKey::from(i64::MAX as f64), "the float is 2^63");
    }

    #[test]
    fn what_is_not_finite_has_a_place_too() {
        let [low, least, most, high, nan] =
            [f64::NEG_INFINITY, f64::MIN, f64::MAX, f64::INFINITY, f64::NAN].map(NumberKey::from);
        assert!(low < least && least < NumberKey::from(i64::MIN));
        assert!(NumberKey::from(i64::MAX) < most && most < high && high < nan);
        assert_eq!(nan, NumberKey::from(-f64::NAN));
        assert!(NumberKey::from(i64::MAX) < nan);
    }
}
