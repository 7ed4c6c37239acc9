use super::*;

const EXACT: i64 = 1 << 53;

#[test]
fn an_integer_and_a_float_of_one_value_are_one_key() {
    assert_eq!(NumberKey::from(1_i64), NumberKey::from(1.0));
    assert_eq!(NumberKey::from(0.0), NumberKey::from(-0.0));
    assert_eq!(NumberKey::from(i64::MIN), NumberKey::from(i64::MIN as f64));
}

#[test]
fn integers_beyond_2_to_the_53_are_not_rounded_to_a_float() {
    let float = NumberKey::from(EXACT as f64);
    assert_eq!(NumberKey::from(EXACT), float);
    assert!(NumberKey::from(EXACT + 1) > float);
    assert!(NumberKey::from(EXACT - 1) < float);
    assert!(NumberKey::from(i64::MAX) < NumberKey::from(i64::MAX as f64), "the float is 2^63");
}
