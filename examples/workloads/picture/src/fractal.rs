//! A Julia set, lit from the side.
//!
//! Points that escape are coloured by a smooth escape time; the derivative of the orbit gives the distance to the set
//! and the slope of its potential, from which a light shades it like a landscape. Points that stay take their colour
//! from how near their orbit comes to a cross of two lines.
use crate::math::{ln, sin};

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub width: u32,
    pub height: u32,
    /// The constant of `z -> z^2 + c`.
    pub c: (f64, f64),
    /// Middle of the picture.
    pub center: (f64, f64),
    /// Width of the picture in the plane is 3.2 divided by this.
    pub zoom: f64,
    /// Steps after which a point counts as inside.
    pub iterations: u32,
    /// Samples a pixel, along each side.
    pub samples: u32,
    /// Where the colours begin, in turns.
    pub hue: f64,
}

/// Far enough out for the smooth escape time to be smooth.
const BAILOUT: f64 = 1.0e6;
/// Where the light comes from: a unit vector in the plane, and its height.
const LIGHT: (f64, f64, f64) = (-0.6, 0.8, 1.4);

/// Row after row, three bytes a pixel.
pub fn render(view: &View) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(view.width as usize * view.height as usize * 3);
    let step = 3.2 / view.zoom / f64::from(view.width);
    let inner = 1.0 / f64::from(view.samples);
    for y in 0..view.height {
        for x in 0..view.width {
            let mut sum = [0.0; 3];
            for sy in 0..view.samples {
                for sx in 0..view.samples {
                    let px =
                        f64::from(x) + (f64::from(sx) + 0.5) * inner - f64::from(view.width) / 2.0;
                    let py =
                        f64::from(y) + (f64::from(sy) + 0.5) * inner - f64::from(view.height) / 2.0;
                    let z = (view.center.0 + px * step, view.center.1 - py * step);
                    let color = shade(view, z, step);
                    for (total, part) in sum.iter_mut().zip(color) {
                        *total += part;
                    }
                }
            }
            for total in sum {
                let light = (total * inner * inner).clamp(0.0, 1.0);
                // Light adds linearly, eyes and files do not: gamma 2.
                pixels.push((light.sqrt() * 255.0).round() as u8);
            }
        }
    }
    pixels
}

/// The light of one point, linear.
fn shade(view: &View, start: (f64, f64), step: f64) -> [f64; 3] {
    let (mut x, mut y) = start;
    let (mut dx, mut dy) = (1.0, 0.0);
    let mut trap = f64::MAX;
    for n in 0..view.iterations {
        let (xx, yy) = (x * x, y * y);
        let r2 = xx + yy;
        if r2 > BAILOUT {
            let smooth = f64::from(n) + 1.0 - ln(ln(r2) / ln(BAILOUT)) / std::f64::consts::LN_2;
            let d2 = dx * dx + dy * dy;
            // The normal of the potential is z / z', as a unit vector.
            let (ux, uy) = ((x * dx + y * dy) / d2, (y * dx - x * dy) / d2);
            let length = (ux * ux + uy * uy).sqrt();
            let slope = (ux * LIGHT.0 + uy * LIGHT.1) / length;
            let relief = ((slope + LIGHT.2) / (1.0 + LIGHT.2)).max(0.0);
            // Distance to the set in pixels: a glow along its edge.
            let distance = 0.5 * (r2 / d2).sqrt() * ln(r2) / step;
            let glow = 1.0 / (1.0 + 0.35 * distance);
            let base = palette(0.022 * smooth + view.hue);
            return [
                base[0] * relief + 0.50 * glow * glow,
                base[1] * relief + 0.33 * glow * glow,
                base[2] * relief + 0.12 * glow * glow,
            ];
        }
        trap = trap.min(x.abs()).min(y.abs());
        (dx, dy) = (2.0 * (x * dx - y * dy), 2.0 * (x * dy + y * dx));
        (x, y) = (xx - yy + view.c.0, 2.0 * x * y + view.c.1);
    }
    let near = 1.0 / (1.0 + 30.0 * trap);
    [0.55 * near * near, 0.16 * near, 0.30 * near]
}

/// A cycle of colours from deep blue over teal and sand to ember.
fn palette(turn: f64) -> [f64; 3] {
    const TAU: f64 = std::f64::consts::TAU;
    let wave = |phase: f64| 0.5 + 0.5 * sin(TAU * (turn + phase));
    let r = wave(0.00);
    let g = wave(0.11);
    let b = wave(0.27);
    [0.03 + 0.80 * r * r, 0.04 + 0.55 * g * g, 0.10 + 0.55 * b]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> View {
        View {
            width: 40,
            height: 24,
            c: (-0.8, 0.156),
            center: (0.0, 0.0),
            zoom: 1.0,
            iterations: 200,
            samples: 1,
            hue: 0.6,
        }
    }

    #[test]
    fn the_set_looks_the_same_from_both_ends() {
        // z and -z have the same orbit from the second step on; shading differs, staying inside does not.
        let inside = |x: f64, y: f64| {
            let (mut x, mut y) = (x, y);
            for _ in 0..200 {
                (x, y) = (x * x - y * y - 0.8, 2.0 * x * y + 0.156);
                if x * x + y * y > 4.0 {
                    return false;
                }
            }
            true
        };
        for (x, y) in [(0.1, 0.2), (0.4, -0.3), (1.5, 0.1), (0.0, 0.9)] {
            assert_eq!(inside(x, y), inside(-x, -y));
        }
    }

    #[test]
    fn every_parameter_changes_the_picture() {
        let one = render(&small());
        assert_eq!(one.len(), 40 * 24 * 3);
        assert_eq!(one, render(&small()));
        let others = [
            View {
                c: (-0.7, 0.27),
                ..small()
            },
            View {
                center: (0.3, 0.0),
                ..small()
            },
            View {
                zoom: 2.0,
                ..small()
            },
            View {
                iterations: 20,
                ..small()
            },
            View {
                samples: 2,
                ..small()
            },
            View {
                hue: 0.1,
                ..small()
            },
        ];
        for other in others {
            assert_ne!(one, render(&other), "{other:?}");
        }
    }
}
