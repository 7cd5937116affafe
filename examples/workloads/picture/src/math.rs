//! Sine and logarithm from additions and multiplications alone: those are the same on every machine, while the ones
//! of a system's library differ in the last bit.

const PI: f64 = std::f64::consts::PI;

/// The sine, to about nine digits.
pub fn sin(x: f64) -> f64 {
    let turns = (x / PI).round();
    let y = x - turns * PI;
    let s = y * y;
    let mut term = y;
    let mut sum = y;
    for k in [2.0, 4.0, 6.0, 8.0, 10.0, 12.0] {
        term *= -s / (k * (k + 1.0));
        sum += term;
    }
    if turns as i64 % 2 == 0 {
        sum
    } else {
        -sum
    }
}

/// The natural logarithm of a positive normal number, to about twelve digits.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as f64 - 1023.0;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    // ln m = 2 artanh((m - 1) / (m + 1))
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let s = t * t;
    let mut power = t;
    let mut sum = 0.0;
    for k in 0..12 {
        sum += power / (2 * k + 1) as f64;
        power *= s;
    }
    exponent * std::f64::consts::LN_2 + 2.0 * sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn they_are_close_to_the_librarys() {
        for i in -400..400 {
            let x = f64::from(i) * 0.173;
            assert!((super::sin(x) - x.sin()).abs() < 1e-8, "sin {x}");
        }
        for i in 1..2_000 {
            let x = f64::from(i) * 0.37;
            assert!((super::ln(x) - x.ln()).abs() < 1e-11, "ln {x}");
        }
    }
}
