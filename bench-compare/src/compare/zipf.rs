//! YCSB's distributions.

/// How skewed: YCSB's constant.
const THETA: f64 = 0.99;

/// Ranks below a count, the smaller the more frequent: the method of Gray et al., as in YCSB.
pub(crate) struct Zipf {
    count: f64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipf {
    /// Takes time in the count.
    pub(crate) fn new(count: u64) -> Self {
        let zeta = |count: u64| (1..=count).map(|rank| (rank as f64).powf(-THETA)).sum::<f64>();
        let (all, two) = (zeta(count), zeta(2));
        let count = count as f64;
        Self {
            count,
            zeta: all,
            alpha: 1.0 / (1.0 - THETA),
            eta: (1.0 - (2.0 / count).powf(1.0 - THETA)) / (1.0 - two / all),
        }
    }

    /// A rank from 0.
    pub(crate) fn rank(&self, random: &mut fastrand::Rng) -> u64 {
        let uniform = random.f64();
        let part = uniform * self.zeta;
        if part < 1.0 {
            0
        } else if part < 1.0 + 0.5_f64.powf(THETA) {
            1
        } else {
            let rank = self.count * (self.eta * uniform - self.eta + 1.0).powf(self.alpha);
            (rank as u64).min(self.count as u64 - 1)
        }
    }
}

/// Spreads numbers over all 64 bits (FNV-1a, as in YCSB).
pub(crate) fn scramble(number: u64) -> u64 {
    number
        .to_le_bytes()
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ranks_are_frequent() {
        let zipf = Zipf::new(1000);
        let mut random = fastrand::Rng::with_seed(1);
        let mut counts = vec![0_u32; 1000];
        for _ in 0..100_000 {
            counts[zipf.rank(&mut random) as usize] += 1;
        }
        // The first has a share of 1 / zeta(1000) = 0.13.
        assert!((12_000..14_500).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[0] > counts[1] && counts[1] > counts[10] && counts[10] > counts[500]);
        assert!(counts.iter().filter(|count| **count == 0).count() < 50);
    }
}
