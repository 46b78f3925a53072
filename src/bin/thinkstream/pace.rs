//! How fast what was recorded is played.

use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many times faster than it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed(f64);

impl Speed {
    /// How long what took so long takes now.
    pub(crate) fn of(self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(speed) if (0.01..=1_000_000.0).contains(&speed) => Ok(Self(speed)),
            _ if text == "max" => Ok(Self(f64::INFINITY)),
            _ => Err("a number from 0.01 to 1000000, or max".to_owned()),
        }
    }
}

/// Waits until so long after `began`.
pub(crate) fn wait(began: Instant, time: Duration) {
    let rest = time.saturating_sub(began.elapsed());
    if !rest.is_zero() {
        sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds() {
        let second = Duration::from_secs(1);
        for (text, expected) in [
            ("1", Some(second)),
            ("2", Some(Duration::from_millis(500))),
            ("0.01", Some(Duration::from_secs(100))),
            ("max", Some(Duration::ZERO)),
            ("0", None),
            ("-1", None),
            ("inf", None),
            ("NaN", None),
            ("fast", None),
        ] {
            assert_eq!(
                text.parse::<Speed>().ok().map(|speed| speed.of(second)),
                expected,
                "{text}"
            );
        }
        assert_eq!(Speed(0.01).of(Duration::MAX), Duration::MAX);
    }
}
