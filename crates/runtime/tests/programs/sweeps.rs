//! Every numeric operator on every pair of awkward values. What scalars must come to is computed in Rust beside them.

use super::{raw, Vector, EXIT};

/// Something that an operator takes or gives.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    I32,
    I64,
    F32,
    F64,
    V128,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::I32 => "i32",
            Kind::I64 => "i64",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
            Kind::V128 => "v128",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
            Kind::V128 => 16,
        }
    }
}

/// Operators of one type, each applied to every value, or to every pair of values.
struct Sweep {
    takes: Kind,
    gives: Kind,
    pairs: bool,
    code: Vec<String>,
    values: Vec<Vec<u8>>,
}

const VALUES: usize = 1024;
const RESULTS: usize = 16_384;

/// A program that writes all results to stdout.
fn vector(name: &'static str, sweeps: &[Sweep]) -> Vector {
    let mut text = String::from(
        "(module\n  (import \"wasi_snapshot_preview1\" \"fd_write\" (func $fd_write (param i32 i32 i32 i32) (result i32)))\n  (memory (export \"memory\") 16)\n",
    );
    let (mut at, mut index) = (VALUES, 0);
    let (mut functions, mut main) = (String::new(), String::new());
    let mut table = Vec::new();
    for (number, sweep) in sweeps.iter().enumerate() {
        let (takes, gives) = (sweep.takes.name(), sweep.gives.name());
        let size = sweep.takes.bytes();
        at = at.next_multiple_of(16);
        let (from, to) = (at, at + size * sweep.values.len());
        let data: String = sweep
            .values
            .concat()
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        text.push_str(&format!("  (data (i32.const {from}) \"{data}\")\n"));
        text.push_str(&format!(
            "  (type $t{number} (func (param {takes} {takes}) (result {gives})))\n"
        ));
        for code in &sweep.code {
            functions.push_str(&format!(
                "  (func $f{index} (type $t{number}) {code})\n",
                index = table.len()
            ));
            table.push(format!("$f{}", table.len()));
        }
        let second = if sweep.pairs { to } else { from + size };
        main.push_str(&format!(
            "    (local.set $op (i32.const {index}))
    (loop $ops
      (local.set $a (i32.const {from}))
      (loop $as
        (local.set $b (i32.const {from}))
        (loop $bs
          ({gives}.store (local.get $out) (call_indirect (type $t{number}) ({takes}.load (local.get $a)) ({takes}.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const {step})))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const {size}))) (i32.const {second}))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const {size}))) (i32.const {to}))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const {last}))))\n",
            step = sweep.gives.bytes(),
            last = index + sweep.code.len(),
        ));
        index += sweep.code.len();
        at = to;
    }
    assert!(at <= RESULTS);
    text.push_str(&functions);
    text.push_str(&format!("  (table funcref (elem {}))\n", table.join(" ")));
    text.push_str(&format!(
        "  (func (export \"_start\") (local $op i32) (local $a i32) (local $b i32) (local $out i32)
    (local.set $out (i32.const {RESULTS}))
{main}    (i32.store (i32.const 0) (i32.const {RESULTS}))
    (i32.store (i32.const 4) (i32.sub (local.get $out) (i32.const {RESULTS})))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))\n)\n"
    ));
    raw(name, EXIT, &text).output_limit(1 << 20)
}

/// `(NAME a b)`, or `(NAME a)`.
fn plain(names: &[&str], pairs: bool) -> Vec<String> {
    let second = if pairs { " (local.get 1)" } else { "" };
    names
        .iter()
        .map(|name| format!("({name} (local.get 0){second})"))
        .collect()
}

/// Operators' code, and what each means.
type Meanings<T, R> = Vec<(String, fn(T, T) -> R)>;

/// Operators with what they must come to.
struct Known<T, R> {
    pairs: bool,
    list: Meanings<T, R>,
}

trait Scalar: Copy {
    const KIND: Kind;
    fn bytes(self) -> Vec<u8>;
}

impl Scalar for u32 {
    const KIND: Kind = Kind::I32;
    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

impl Scalar for u64 {
    const KIND: Kind = Kind::I64;
    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

/// Floats by their bits: every NaN that arithmetic makes is the canonical one.
impl Scalar for f32 {
    const KIND: Kind = Kind::F32;
    fn bytes(self) -> Vec<u8> {
        self.to_bits().to_le_bytes().to_vec()
    }
}

impl Scalar for f64 {
    const KIND: Kind = Kind::F64;
    fn bytes(self) -> Vec<u8> {
        self.to_bits().to_le_bytes().to_vec()
    }
}

impl<T: Scalar, R: Scalar> Known<T, R> {
    fn pairs(list: Meanings<T, R>) -> Known<T, R> {
        Known { pairs: true, list }
    }

    fn singles(list: Meanings<T, R>) -> Known<T, R> {
        Known { pairs: false, list }
    }

    fn sweep(&self, values: &[T], expected: &mut Vec<u8>) -> Sweep {
        for (_, meaning) in &self.list {
            for a in values {
                for b in if self.pairs { values } else { &values[..1] } {
                    expected.extend(meaning(*a, *b).bytes());
                }
            }
        }
        Sweep {
            takes: T::KIND,
            gives: R::KIND,
            pairs: self.pairs,
            code: self.list.iter().map(|(code, _)| code.clone()).collect(),
            values: values.iter().map(|value| value.bytes()).collect(),
        }
    }
}

fn two(name: &str) -> String {
    format!("({name} (local.get 0) (local.get 1))")
}

fn one(name: &str) -> String {
    format!("({name} (local.get 0))")
}

/// A division that answers with marks where it would trap: traps have vectors of their own.
fn guarded(kind: &str, name: &str, signed: bool) -> String {
    let division = two(&format!("{kind}.{name}"));
    let overflow = match signed {
        true => format!(
            "(if (result {kind}) (i32.and ({kind}.eq (local.get 0) ({kind}.shl ({kind}.const 1) ({kind}.const -1))) ({kind}.eq (local.get 1) ({kind}.const -1))) (then ({kind}.const -2)) (else {division}))"
        ),
        false => division,
    };
    format!("(if (result {kind}) ({kind}.eqz (local.get 1)) (then ({kind}.const -1)) (else {overflow}))")
}

macro_rules! integers {
    ($function:ident, $name:literal, $u:ty, $s:ty, $values:expr) => {
        fn $function() -> Vector {
            let values: &[$u] = &$values;
            let kind = $name;
            let op = |name: &str| two(&format!("{kind}.{name}"));
            let single = |name: &str| one(&format!("{kind}.{name}"));
            let mut arithmetic: Meanings<$u, $u> = vec![
                (op("add"), |a, b| a.wrapping_add(b)),
                (op("sub"), |a, b| a.wrapping_sub(b)),
                (op("mul"), |a, b| a.wrapping_mul(b)),
                (guarded(kind, "div_u", false), |a, b| a.checked_div(b).unwrap_or(<$u>::MAX)),
                (guarded(kind, "rem_u", false), |a, b| a.checked_rem(b).unwrap_or(<$u>::MAX)),
                (guarded(kind, "div_s", true), |a, b| match b {
                    0 => <$u>::MAX,
                    _ => (a as $s).checked_div(b as $s).unwrap_or(-2) as $u,
                }),
                (op("and"), |a, b| a & b),
                (op("or"), |a, b| a | b),
                (op("xor"), |a, b| a ^ b),
                (op("shl"), |a, b| a.wrapping_shl(b as u32)),
                (op("shr_u"), |a, b| a.wrapping_shr(b as u32)),
                (op("shr_s"), |a, b| (a as $s).wrapping_shr(b as u32) as $u),
                (op("rotl"), |a, b| a.rotate_left((b as u32) % <$u>::BITS)),
                (op("rotr"), |a, b| a.rotate_right((b as u32) % <$u>::BITS)),
            ];
            // The smallest number modulo minus one is 0, and no trap.
            let remainder = format!(
                "(if (result {kind}) ({kind}.eqz (local.get 1)) (then ({kind}.const -1)) (else {}))",
                op("rem_s")
            );
            arithmetic.push((remainder, |a, b| match b {
                0 => <$u>::MAX,
                _ => (a as $s).wrapping_rem(b as $s) as $u,
            }));
            let comparisons: Meanings<$u, u32> = vec![
                (op("eq"), |a, b| u32::from(a == b)),
                (op("ne"), |a, b| u32::from(a != b)),
                (op("lt_u"), |a, b| u32::from(a < b)),
                (op("gt_u"), |a, b| u32::from(a > b)),
                (op("le_u"), |a, b| u32::from(a <= b)),
                (op("ge_u"), |a, b| u32::from(a >= b)),
                (op("lt_s"), |a, b| u32::from((a as $s) < (b as $s))),
                (op("gt_s"), |a, b| u32::from((a as $s) > (b as $s))),
                (op("le_s"), |a, b| u32::from((a as $s) <= (b as $s))),
                (op("ge_s"), |a, b| u32::from((a as $s) >= (b as $s))),
            ];
            let mut singles: Meanings<$u, $u> = vec![
                (single("clz"), |a, _| a.leading_zeros() as $u),
                (single("ctz"), |a, _| a.trailing_zeros() as $u),
                (single("popcnt"), |a, _| a.count_ones() as $u),
                (single("extend8_s"), |a, _| a as i8 as $s as $u),
                (single("extend16_s"), |a, _| a as i16 as $s as $u),
            ];
            if kind == "i64" {
                singles.push((single("extend32_s"), |a, _| a as i32 as $s as $u));
            }
            let zero: Meanings<$u, u32> =
                vec![(single("eqz"), |a, _| u32::from(a == 0))];
            let mut expected = Vec::new();
            let sweeps = [
                Known::pairs(arithmetic).sweep(values, &mut expected),
                Known::pairs(comparisons).sweep(values, &mut expected),
                Known::singles(singles).sweep(values, &mut expected),
                Known::singles(zero).sweep(values, &mut expected),
            ];
            vector(concat!("arithmetic-", $name), &sweeps).stdout(expected)
        }
    };
}

integers!(i32_arithmetic, "i32", u32, i32, WORDS);
integers!(i64_arithmetic, "i64", u64, i64, LONGS);

const WORDS: [u32; 14] = [
    0,
    1,
    2,
    7,
    31,
    32,
    0x7f,
    0x80,
    0xffff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

const LONGS: [u64; 14] = [
    0,
    1,
    3,
    63,
    64,
    0x80,
    0x8000,
    0x8000_0000,
    0xffff_ffff,
    0x0123_4567_89ab_cdef,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

macro_rules! floats {
    ($function:ident, $name:literal, $f:ty, $u:ty, $nan:literal, $values:expr) => {
        fn $function() -> Vector {
            let kind = $name;
            let op = |name: &str| two(&format!("{kind}.{name}"));
            let single = |name: &str| one(&format!("{kind}.{name}"));
            // Bits, because a NaN's must survive `abs`, `neg` and `copysign`.
            fn canonical(value: $f) -> $f {
                match value.is_nan() {
                    true => <$f>::from_bits($nan),
                    false => value,
                }
            }
            fn extreme(a: $f, b: $f, smallest: bool) -> $f {
                if a.is_nan() || b.is_nan() {
                    return <$f>::from_bits($nan);
                }
                if a == b {
                    // Of two zeros, the negative one is smaller.
                    let negative = if smallest {
                        a.is_sign_negative()
                    } else {
                        b.is_sign_negative()
                    };
                    return if negative { a } else { b };
                }
                if (a < b) == smallest {
                    a
                } else {
                    b
                }
            }
            const SIGN: $u = 1 << (<$u>::BITS - 1);
            let arithmetic: Meanings<$f, $f> = vec![
                (op("add"), |a, b| canonical(a + b)),
                (op("sub"), |a, b| canonical(a - b)),
                (op("mul"), |a, b| canonical(a * b)),
                (op("div"), |a, b| canonical(a / b)),
                (op("min"), |a, b| extreme(a, b, true)),
                (op("max"), |a, b| extreme(a, b, false)),
                (op("copysign"), |a, b| {
                    <$f>::from_bits(a.to_bits() & !SIGN | b.to_bits() & SIGN)
                }),
            ];
            let comparisons: Meanings<$f, u32> = vec![
                (op("eq"), |a, b| u32::from(a == b)),
                (op("ne"), |a, b| u32::from(a != b)),
                (op("lt"), |a, b| u32::from(a < b)),
                (op("gt"), |a, b| u32::from(a > b)),
                (op("le"), |a, b| u32::from(a <= b)),
                (op("ge"), |a, b| u32::from(a >= b)),
            ];
            let singles: Meanings<$f, $f> = vec![
                (single("ceil"), |a, _| canonical(a.ceil())),
                (single("floor"), |a, _| canonical(a.floor())),
                (single("trunc"), |a, _| canonical(a.trunc())),
                (single("nearest"), |a, _| canonical(a.round_ties_even())),
                (single("sqrt"), |a, _| canonical(a.sqrt())),
                (single("abs"), |a, _| <$f>::from_bits(a.to_bits() & !SIGN)),
                (single("neg"), |a, _| <$f>::from_bits(a.to_bits() ^ SIGN)),
            ];
            let values = $values.map(<$f>::from_bits);
            let mut expected = Vec::new();
            let sweeps = [
                Known::pairs(arithmetic).sweep(&values, &mut expected),
                Known::pairs(comparisons).sweep(&values, &mut expected),
                Known::singles(singles).sweep(&values, &mut expected),
            ];
            vector(concat!("arithmetic-", $name), &sweeps).stdout(expected)
        }
    };
}

floats!(f32_arithmetic, "f32", f32, u32, 0x7fc0_0000, SINGLES);
floats!(
    f64_arithmetic,
    "f64",
    f64,
    u64,
    0x7ff8_0000_0000_0000,
    DOUBLES
);

/// Zeros, the smallest and largest denormal and normal numbers, halves that round to even, infinities, NaNs of every kind.
const SINGLES: [u32; 23] = [
    0,
    0x8000_0000,
    1,
    0x8000_0001,
    0x007f_ffff,
    0x0080_0000,
    0x8080_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x3f00_0000,
    0x3fc0_0000,
    0xc020_0000,
    0x3dcc_cccd,
    0x3eaa_aaab,
    0x4b80_0001,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc0_0000,
    0x7f80_0001,
    0xffe1_2345,
];

const DOUBLES: [u64; 23] = [
    0,
    0x8000_0000_0000_0000,
    1,
    0x8000_0000_0000_0001,
    0x000f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x8010_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x3fe0_0000_0000_0000,
    0x3ff8_0000_0000_0000,
    0xc004_0000_0000_0000,
    0x3fb9_9999_9999_999a,
    0x3fd5_5555_5555_5555,
    0x4340_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0xffef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0xfff8_1234_5678_9abc,
];

fn conversions() -> Vector {
    let mut expected = Vec::new();
    let singles = SINGLES.map(f32::from_bits);
    let doubles = DOUBLES.map(f64::from_bits);
    // Rust's `as` saturates and makes 0 of a NaN, as `trunc_sat` does.
    let mut sweeps = vec![
        Known::<u64, u32>::singles(vec![(one("i32.wrap_i64"), |a, _| a as u32)])
            .sweep(&LONGS, &mut expected),
        Known::<u32, u64>::singles(vec![
            (one("i64.extend_i32_s"), |a, _| a as i32 as u64),
            (one("i64.extend_i32_u"), |a, _| u64::from(a)),
        ])
        .sweep(&WORDS, &mut expected),
        Known::<f32, u32>::singles(vec![
            (one("i32.trunc_sat_f32_s"), |a, _| a as i32 as u32),
            (one("i32.trunc_sat_f32_u"), |a, _| a as u32),
            (one("i32.reinterpret_f32"), |a, _| a.to_bits()),
        ])
        .sweep(&singles, &mut expected),
        Known::<f64, u32>::singles(vec![
            (one("i32.trunc_sat_f64_s"), |a, _| a as i32 as u32),
            (one("i32.trunc_sat_f64_u"), |a, _| a as u32),
        ])
        .sweep(&doubles, &mut expected),
        Known::<f32, u64>::singles(vec![
            (one("i64.trunc_sat_f32_s"), |a, _| a as i64 as u64),
            (one("i64.trunc_sat_f32_u"), |a, _| a as u64),
        ])
        .sweep(&singles, &mut expected),
        Known::<f64, u64>::singles(vec![
            (one("i64.trunc_sat_f64_s"), |a, _| a as i64 as u64),
            (one("i64.trunc_sat_f64_u"), |a, _| a as u64),
            (one("i64.reinterpret_f64"), |a, _| a.to_bits()),
        ])
        .sweep(&doubles, &mut expected),
        Known::<u32, f32>::singles(vec![
            (one("f32.convert_i32_s"), |a, _| a as i32 as f32),
            (one("f32.convert_i32_u"), |a, _| a as f32),
            (one("f32.reinterpret_i32"), |a, _| f32::from_bits(a)),
        ])
        .sweep(&WORDS, &mut expected),
        Known::<u64, f32>::singles(vec![
            (one("f32.convert_i64_s"), |a, _| a as i64 as f32),
            (one("f32.convert_i64_u"), |a, _| a as f32),
        ])
        .sweep(&LONGS, &mut expected),
        Known::<u32, f64>::singles(vec![
            (one("f64.convert_i32_s"), |a, _| f64::from(a as i32)),
            (one("f64.convert_i32_u"), |a, _| f64::from(a)),
        ])
        .sweep(&WORDS, &mut expected),
        Known::<u64, f64>::singles(vec![
            (one("f64.convert_i64_s"), |a, _| a as i64 as f64),
            (one("f64.convert_i64_u"), |a, _| a as f64),
            (one("f64.reinterpret_i64"), |a, _| f64::from_bits(a)),
        ])
        .sweep(&LONGS, &mut expected),
        Known::<f64, f32>::singles(vec![(one("f32.demote_f64"), |a, _| match a.is_nan() {
            true => f32::from_bits(0x7fc0_0000),
            false => a as f32,
        })])
        .sweep(&doubles, &mut expected),
        Known::<f32, f64>::singles(vec![(one("f64.promote_f32"), |a, _| match a.is_nan() {
            true => f64::from_bits(0x7ff8_0000_0000_0000),
            false => f64::from(a),
        })])
        .sweep(&singles, &mut expected),
    ];
    // The trapping ones, up to the last number that does not trap.
    let signed = [
        0.0,
        -0.0,
        0.9,
        -0.9,
        1.5,
        -1.5,
        2_147_483_520.0,
        -2_147_483_648.0f32,
    ];
    let unsigned = [0.0, -0.0, 0.9, -0.9, 1.5, 4_294_967_040.0f32];
    let signed_long = [
        0.5,
        -0.5,
        9_223_371_487_098_961_920.0,
        -9_223_372_036_854_775_808.0f32,
    ];
    let unsigned_long = [0.5, -0.9, 18_446_742_974_197_923_840.0f32];
    sweeps.extend([
        Known::<f32, u32>::singles(vec![(one("i32.trunc_f32_s"), |a, _| a as i32 as u32)])
            .sweep(&signed, &mut expected),
        Known::<f32, u32>::singles(vec![(one("i32.trunc_f32_u"), |a, _| a as u32)])
            .sweep(&unsigned, &mut expected),
        Known::<f32, u64>::singles(vec![(one("i64.trunc_f32_s"), |a, _| a as i64 as u64)])
            .sweep(&signed_long, &mut expected),
        Known::<f32, u64>::singles(vec![(one("i64.trunc_f32_u"), |a, _| a as u64)])
            .sweep(&unsigned_long, &mut expected),
    ]);
    let signed = [0.0, -0.0, 0.9, -0.9, 2_147_483_647.9, -2_147_483_648.9];
    let unsigned = [0.0, -0.0, 0.9, -0.9, 4_294_967_295.9];
    let signed_long = [
        0.5,
        -0.5,
        9_223_372_036_854_774_784.0,
        -9_223_372_036_854_775_808.0,
    ];
    let unsigned_long = [0.5, -0.9, 18_446_744_073_709_549_568.0];
    sweeps.extend([
        Known::<f64, u32>::singles(vec![(one("i32.trunc_f64_s"), |a, _| a as i32 as u32)])
            .sweep(&signed, &mut expected),
        Known::<f64, u32>::singles(vec![(one("i32.trunc_f64_u"), |a, _| a as u32)])
            .sweep(&unsigned, &mut expected),
        Known::<f64, u64>::singles(vec![(one("i64.trunc_f64_s"), |a, _| a as i64 as u64)])
            .sweep(&signed_long, &mut expected),
        Known::<f64, u64>::singles(vec![(one("i64.trunc_f64_u"), |a, _| a as u64)])
            .sweep(&unsigned_long, &mut expected),
    ]);
    vector("conversions", &sweeps).stdout(expected)
}

/// Vectors whose lanes are awkward in every width.
fn lanes() -> Vec<Vec<u8>> {
    let words = |list: [u32; 4]| list.iter().flat_map(|word| word.to_le_bytes()).collect();
    let longs = |list: [u64; 2]| list.iter().flat_map(|long| long.to_le_bytes()).collect();
    vec![
        vec![0; 16],
        vec![0xff; 16],
        (0u8..16).collect(),
        (0u8..16)
            .map(|n| n.wrapping_mul(37).wrapping_add(120))
            .collect(),
        [0x80, 0x7f].repeat(8),
        words([0x8000_7fff, 0x0001_8000, 0x7fff_ffff, 0x8000_0000]),
        words([0x3f80_0000, 0xbfc0_0000, 1, 0x8000_0000]),
        words([0x7f80_0000, 0xff80_0000, 0x7f80_0001, 0xffe1_2345]),
        words([0x4f00_0000, 0xcf00_0001, 0x7f7f_ffff, 0x4020_0000]),
        longs([0x3ff8_0000_0000_0000, 0xc004_0000_0000_0000]),
        longs([0x7ff0_0000_0000_0001, 0xfff8_1234_5678_9abc]),
        longs([0x41ef_ffff_ffff_fff0, 0x0000_0000_0000_0001]),
    ]
}

fn simd(name: &'static str, pairs: Vec<String>, singles: Vec<String>) -> Vector {
    let sweep = |pairs, code| Sweep {
        takes: Kind::V128,
        gives: Kind::V128,
        pairs,
        code,
        values: lanes(),
    };
    vector(name, &[sweep(true, pairs), sweep(false, singles)])
}

fn shaped(shape: &str, names: &str) -> Vec<String> {
    names
        .split_whitespace()
        .map(|name| format!("{shape}.{name}"))
        .collect()
}

fn with(pairs: bool, names: Vec<String>) -> Vec<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    plain(&names, pairs)
}

/// Shifts, tests and lanes of an integer shape; their numbers are spread over a vector.
fn integer_lanes(
    shape: &str,
    scalar: &str,
    count: u32,
    narrow: bool,
) -> (Vec<String>, Vec<String>) {
    let mut pairs = Vec::new();
    for shift in ["shl", "shr_s", "shr_u"] {
        pairs.push(format!(
            "({shape}.{shift} (local.get 0) (i32x4.extract_lane 0 (local.get 1)))"
        ));
    }
    let mut singles = Vec::new();
    for test in ["all_true", "bitmask"] {
        singles.push(format!("(i32x4.splat ({shape}.{test} (local.get 0)))"));
    }
    let last = count - 1;
    let extracts = if narrow {
        vec!["extract_lane_s", "extract_lane_u"]
    } else {
        vec!["extract_lane"]
    };
    for extract in extracts {
        singles.push(format!(
            "({scalar}.splat ({shape}.{extract} {last} (local.get 0)))"
        ));
        pairs.push(format!(
            "({shape}.replace_lane {last} (local.get 0) ({shape}.{extract} 0 (local.get 1)))"
        ));
    }
    (pairs, singles)
}

fn all_simd() -> Vec<Vector> {
    let (mut bytes, mut byte) = integer_lanes("i8x16", "i32x4", 16, true);
    bytes.extend(with(true, shaped("i8x16", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u narrow_i16x8_s narrow_i16x8_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u min_s min_u max_s max_u avgr_u swizzle")));
    bytes.extend(with(true, shaped("v128", "and andnot or xor")));
    bytes.push(
        "(v128.bitselect (local.get 0) (local.get 1) (i8x16.swizzle (local.get 1) (local.get 0)))"
            .to_owned(),
    );
    bytes.push(
        "(i8x16.shuffle 0 31 2 29 4 27 6 25 8 23 10 21 12 19 14 17 (local.get 0) (local.get 1))"
            .to_owned(),
    );
    byte.extend(with(false, shaped("i8x16", "abs neg popcnt")));
    byte.extend(with(false, shaped("v128", "not")));
    byte.push("(i32x4.splat (v128.any_true (local.get 0)))".to_owned());
    byte.push("(i8x16.splat (i8x16.extract_lane_s 7 (local.get 0)))".to_owned());

    let (mut shorts, mut short) = integer_lanes("i16x8", "i32x4", 8, true);
    shorts.extend(with(true, shaped("i16x8", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u q15mulr_sat_s narrow_i32x4_s narrow_i32x4_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u mul min_s min_u max_s max_u avgr_u extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u")));
    short.extend(with(false, shaped("i16x8", "abs neg extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u")));
    short.push("(i16x8.splat (i16x8.extract_lane_u 3 (local.get 0)))".to_owned());

    let (mut words, mut word) = integer_lanes("i32x4", "i32x4", 4, false);
    words.extend(with(true, shaped("i32x4", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u add sub mul min_s min_u max_s max_u dot_i16x8_s extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u")));
    word.extend(with(false, shaped("i32x4", "abs neg extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u trunc_sat_f32x4_s trunc_sat_f32x4_u trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero")));

    let (mut longs, mut long) = integer_lanes("i64x2", "i64x2", 2, false);
    longs.extend(with(true, shaped("i64x2", "eq ne lt_s gt_s le_s ge_s add sub mul extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u")));
    long.extend(with(
        false,
        shaped(
            "i64x2",
            "abs neg extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u",
        ),
    ));

    let float = |shape: &'static str, last: u32, more: &str| {
        let mut pairs = with(
            true,
            shaped(shape, "eq ne lt gt le ge add sub mul div min max pmin pmax"),
        );
        pairs.push(format!(
            "({shape}.replace_lane {last} (local.get 0) ({shape}.extract_lane 0 (local.get 1)))"
        ));
        let mut singles = with(
            false,
            shaped(shape, "ceil floor trunc nearest abs neg sqrt"),
        );
        singles.extend(with(false, shaped(shape, more)));
        singles.push(format!(
            "({shape}.splat ({shape}.extract_lane {last} (local.get 0)))"
        ));
        (pairs, singles)
    };
    let (floats, single) = float(
        "f32x4",
        3,
        "convert_i32x4_s convert_i32x4_u demote_f64x2_zero",
    );
    let (doubles, double) = float(
        "f64x2",
        1,
        "convert_low_i32x4_s convert_low_i32x4_u promote_low_f32x4",
    );
    vec![
        simd("simd-i8x16", bytes, byte),
        simd("simd-i16x8", shorts, short),
        simd("simd-i32x4", words, word),
        simd("simd-i64x2", longs, long),
        simd("simd-f32x4", floats, single),
        simd("simd-f64x2", doubles, double),
    ]
}

/// All of them.
pub fn all() -> Vec<Vector> {
    let mut list = vec![
        i32_arithmetic(),
        i64_arithmetic(),
        f32_arithmetic(),
        f64_arithmetic(),
        conversions(),
    ];
    list.extend(all_simd());
    list
}
