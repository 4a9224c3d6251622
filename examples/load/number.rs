//! A number on a command line.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use lexopt::Parser;
use lexopt::prelude::ValueExt as _;

use crate::Failure;

/// A number within limits: whatever is asked for comes to an end.
pub fn number<T: FromStr + PartialOrd + Display>(
    arguments: &mut Parser,
    name: &str,
    limits: RangeInclusive<T>,
) -> Result<T, Failure> {
    let value = arguments.value()?.string()?.parse().ok().filter(|value| limits.contains(value));
    value.ok_or_else(|| format!("{name}: expected a number from {} to {}", limits.start(), limits.end()).into())
}
