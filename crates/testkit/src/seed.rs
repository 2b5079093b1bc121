//! The one source of chance in a simulated run.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): one word of
//! state, every seed good, the same numbers on every machine. What is protected: the same seed draws the same
//! numbers for ever, so that a run that failed can be run again. Not for secrets.

/// A generator of numbers that depend on nothing but where it began.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// Begins at `seed`; any number will do.
    #[must_use]
    pub fn new(seed: u64) -> Seed {
        Seed(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    ///
    /// The remainder favours small numbers by less than `end` in 2^64, which no test can see.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.draw() % end }
    }

    /// An index below `length`; 0 where there is none.
    pub fn index(&mut self, length: usize) -> usize {
        // Below a usize, so it fits one.
        self.below(length as u64) as usize
    }

    /// True once in `times` on the average.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// True this often in a hundred: never from 0, always from 100.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// `length` bytes, all 256 of them as likely.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.draw().to_le_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut seed = Seed::new(1_234_567);
        let drawn = [seed.draw(), seed.draw(), seed.draw()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn nought_percent_is_never_and_a_hundred_always() {
        let mut seed = Seed::new(1);
        assert!((0..1000).all(|_| !seed.percent(0) && seed.percent(100)));
    }
}
