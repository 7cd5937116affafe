//! Thumbnails of pictures, and a sheet of them.
//!
//! `images [--width N] [--blur F] [--sheet NAME] FILE...` reads PNG and JPEG files and writes for each a thumbnail
//! `/out/FILE.png` of this width (160 unless told otherwise), blurred if that is wanted. With `--sheet` it also pastes
//! all of them on one picture, `/out/NAME.png`. It prints a line for each.
use image::imageops::{self, FilterType};
use image::{DynamicImage, GenericImageView, Rgb, RgbImage};
use std::path::{Path, PathBuf};

/// Pixels between two thumbnails of a sheet.
const GAP: u32 = 12;
/// The paper of a sheet.
const PAPER: Rgb<u8> = Rgb([250, 247, 240]);

struct Options {
    width: u32,
    blur: f32,
    sheet: Option<String>,
    files: Vec<PathBuf>,
}

fn main() {
    if let Err(error) = run() {
        eprintln!("images: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    let mut thumbnails = Vec::new();
    for file in &options.files {
        let picture = image::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let small = thumbnail(&picture, &options);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        save(&small, &name)?;
        let (width, height) = picture.dimensions();
        println!(
            "{name}: {width} x {height} to {} x {}, mean colour {}",
            small.width(),
            small.height(),
            mean(&small)
        );
        thumbnails.push(small);
    }
    if let Some(name) = &options.sheet {
        let sheet = sheet(&thumbnails);
        save(&sheet, name)?;
        println!("{name}: {} x {}", sheet.width(), sheet.height());
    }
    Ok(())
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        width: 160,
        blur: 0.0,
        sheet: None,
        files: Vec::new(),
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--width" => {
                let text = value()?;
                let width = text.parse().ok().filter(|n| (1..=4_096).contains(n));
                options.width = width.ok_or(format!("`{text}` is no width from 1 to 4096"))?;
            }
            "--blur" => {
                let text = value()?;
                let blur = text.parse().ok().filter(|n| (0.0..=50.0).contains(n));
                options.blur = blur.ok_or(format!("`{text}` is no blur from 0 to 50"))?;
            }
            "--sheet" => options.sheet = Some(value()?),
            other if other.starts_with('-') => return Err(format!("unknown option `{other}`")),
            _ => options.files.push(arg.into()),
        }
    }
    if options.files.is_empty() {
        return Err("give pictures, PNG or JPEG".into());
    }
    Ok(options)
}

fn thumbnail(picture: &DynamicImage, options: &Options) -> RgbImage {
    let (width, height) = picture.dimensions();
    let high = u64::from(height) * u64::from(options.width) / u64::from(width.max(1));
    let high = u32::try_from(high.clamp(1, 4_096)).unwrap_or(1);
    let small = imageops::resize(
        &picture.to_rgb8(),
        options.width,
        high,
        FilterType::Lanczos3,
    );
    if options.blur > 0.0 {
        imageops::blur(&small, options.blur)
    } else {
        small
    }
}

/// All thumbnails in rows, about as many as stand beside each other.
fn sheet(thumbnails: &[RgbImage]) -> RgbImage {
    let columns = (1..).find(|n| n * n >= thumbnails.len()).unwrap_or(1);
    let widest = |of: fn(&RgbImage) -> u32| thumbnails.iter().map(of).max().unwrap_or(1) + GAP;
    let (wide, high) = (widest(RgbImage::width), widest(RgbImage::height));
    let rows = thumbnails.len().div_ceil(columns);
    let mut sheet =
        RgbImage::from_pixel(columns as u32 * wide + GAP, rows as u32 * high + GAP, PAPER);
    for (at, small) in thumbnails.iter().enumerate() {
        let (row, column) = ((at / columns) as u32, (at % columns) as u32);
        let (x, y) = (column * wide + GAP, row * high + GAP);
        imageops::replace(&mut sheet, small, x.into(), y.into());
    }
    sheet
}

fn save(picture: &RgbImage, name: &str) -> Result<(), String> {
    let path = Path::new("/out").join(format!("{name}.png"));
    picture
        .save(&path)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn mean(picture: &RgbImage) -> String {
    let mut sums = [0u64; 3];
    for pixel in picture.pixels() {
        for (sum, part) in sums.iter_mut().zip(pixel.0) {
            *sum += u64::from(part);
        }
    }
    let pixels = u64::from(picture.width()) * u64::from(picture.height());
    let parts = sums.map(|sum| format!("{:02x}", sum / pixels.max(1)));
    format!("#{}", parts.concat())
}
