//! Random numbers from a seed.

use crate::site::Site;

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn seeded(site: &Site, rollout: u32) -> Self {
        let parts = [site.traffic, site.regression, site.without_call, site.gone];
        let mixed = parts
            .into_iter()
            .fold(0_u64, |mixed, part| mixed.rotate_left(17) ^ part.to_bits());
        Self(mixed ^ u64::from(rollout).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn next(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, limit: u64) -> usize {
        (self.bits() % limit) as usize
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.next(), self.next());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 60.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.next(), 0);
        while product > limit {
            product *= self.next();
            count += 1;
        }
        count
    }

    pub fn binomial(&mut self, trials: u32, rate: f64) -> u32 {
        let (n, p) = (f64::from(trials), rate.min(1.0));
        let deviation = (n * p * (1.0 - p)).sqrt();
        if n * p > 60.0 && n * (1.0 - p) > 60.0 {
            return (n * p + deviation * self.normal()).round().clamp(0.0, n) as u32;
        }
        if trials > 200 && n * p <= 60.0 {
            return self.poisson(n * p).min(trials);
        }
        u32::try_from((0..trials).filter(|_| self.next() < p).count()).unwrap_or(trials)
    }
}
