//! A Julia set as a PNG.
//!
//! `picture [--width N] [--height N] [--c RE,IM] [--center RE,IM] [--zoom F] [--iterations N] [--samples N] [--hue F]
//! [--out FILE]` writes the file (`/out/picture.png` unless told otherwise) and prints what it drew.
mod fractal;
mod math;

use fractal::View;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("picture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let (view, out) = options(std::env::args().skip(1))?;
    let pixels = fractal::render(&view);
    let png = encode(&view, &pixels).map_err(|error| error.to_string())?;
    std::fs::write(&out, &png)
        .map_err(|error| format!("{} cannot be written: {error}", out.display()))?;
    let light: u64 = pixels.iter().map(|p| u64::from(*p)).sum();
    println!(
        "{} x {} pixels, {} samples each, mean brightness {} of 255, {} bytes of PNG",
        view.width,
        view.height,
        view.samples * view.samples,
        light / pixels.len() as u64,
        png.len(),
    );
    Ok(())
}

fn encode(view: &View, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, view.width, view.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::FilterType::Paeth);
    encoder.set_compression(png::Compression::Default);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

fn options(mut args: impl Iterator<Item = String>) -> Result<(View, PathBuf), String> {
    let mut view = View {
        width: 640,
        height: 400,
        c: (-0.8, 0.156),
        center: (0.0, 0.0),
        zoom: 1.1,
        iterations: 600,
        samples: 2,
        hue: 0.58,
    };
    let mut out = PathBuf::from("/out/picture.png");
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--width" => view.width = within(&value, 1, 8_192)?,
            "--height" => view.height = within(&value, 1, 8_192)?,
            "--iterations" => view.iterations = within(&value, 1, 1_000_000)?,
            "--samples" => view.samples = within(&value, 1, 8)?,
            "--zoom" => view.zoom = within(&value, 0.01, 1e12)?,
            "--hue" => view.hue = within(&value, 0.0, 1.0)?,
            "--c" => view.c = pair(&value)?,
            "--center" => view.center = pair(&value)?,
            "--out" => out = value.into(),
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    Ok((view, out))
}

fn within<T: FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(value) if value >= least && value <= most => Ok(value),
        _ => Err(format!("`{text}` is no number from {least} to {most}")),
    }
}

fn pair(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("`{text}` is no point: write it as -0.74,0.11");
    let (re, im) = text.split_once(',').ok_or_else(wrong)?;
    let number = |part: &str| within(part, -4.0, 4.0).map_err(|_| wrong());
    Ok((number(re)?, number(im)?))
}
