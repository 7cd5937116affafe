//! The map: what was measured at stations, spread over the city by distance.
use crate::Station;

/// Pixels.
const WIDTH: usize = 600;
const HEIGHT: usize = 420;
/// Metres around the outermost stations.
const MARGIN: f64 = 400.0;
/// Micrograms a band of the map.
const BAND: f64 = 2.5;
/// The colours of the bands, from clean to foul.
const COLOURS: [[u8; 3]; 9] = [
    [38, 84, 124],
    [52, 118, 138],
    [84, 152, 142],
    [132, 180, 138],
    [190, 204, 138],
    [236, 214, 128],
    [240, 178, 96],
    [222, 124, 76],
    [178, 66, 62],
];
/// Pixels from a station's middle that are its dot, and its rim.
const DOT: f64 = 4.0;
const RIM: f64 = 5.5;

/// A PNG of the values of stations.
pub fn draw(values: &[(&Station, f64)]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let least = values
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::MAX, f64::min);
    let range = |of: fn(&Station) -> f64| {
        let all = values.iter().map(|(station, _)| of(station));
        let (low, high) = all.fold((f64::MAX, f64::MIN), |(l, h), n| (l.min(n), h.max(n)));
        (low - MARGIN, high + MARGIN)
    };
    let ((left, right), (top, bottom)) = (range(|s| s.x), range(|s| s.y));
    let scale = ((right - left) / WIDTH as f64).max((bottom - top) / HEIGHT as f64);
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let at = (
                left + (x as f64 + 0.5) * scale,
                top + (y as f64 + 0.5) * scale,
            );
            pixels.extend(colour(values, at, least, scale));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH as u32, HEIGHT as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

fn colour(values: &[(&Station, f64)], at: (f64, f64), least: f64, scale: f64) -> [u8; 3] {
    let (mut sum, mut weights, mut nearest) = (0.0, 0.0, f64::MAX);
    for (station, value) in values {
        let (dx, dy) = (at.0 - station.x, at.1 - station.y);
        // a station counts a pixel's width away as in its middle
        let square = (dx * dx + dy * dy).max(scale * scale);
        // with the cube of the distance a far station hardly counts
        let weight = 1.0 / (square * square.sqrt());
        sum += value * weight;
        weights += weight;
        nearest = nearest.min(square);
    }
    let away = nearest.sqrt() / scale;
    if away < DOT {
        return [255, 255, 255];
    }
    if away < RIM {
        return [30, 30, 36];
    }
    let band = (sum / weights - least) / BAND;
    COLOURS[(band.max(0.0) as usize).min(COLOURS.len() - 1)]
}
