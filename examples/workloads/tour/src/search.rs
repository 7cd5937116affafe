//! The search: a first tour, its crossings undone, then many small upsets of which only the good ones stay.

/// How many near cities are tried as the next one.
const NEAR: usize = 10;

/// A round trip through all cities.
pub struct Tour {
    distances: Vec<Vec<u64>>,
    /// The nearest cities of each, nearest first.
    near: Vec<Vec<usize>>,
    order: Vec<usize>,
    /// Where each city stands in the order.
    place: Vec<usize>,
}

impl Tour {
    /// From the first city always on to the nearest that was not visited.
    pub fn nearest_first(distances: Vec<Vec<u64>>) -> Self {
        let count = distances.len();
        let near = (0..count)
            .map(|from| {
                let mut others: Vec<usize> = (0..count).filter(|to| *to != from).collect();
                others.sort_by_key(|to| (distances[from][*to], *to));
                others.truncate(NEAR);
                others
            })
            .collect();
        let mut left: Vec<usize> = (1..count).collect();
        let mut order = vec![0];
        let mut at = 0;
        while let Some(next) = (0..left.len()).min_by_key(|i| (distances[at][left[*i]], left[*i])) {
            at = left.remove(next);
            order.push(at);
        }
        let mut tour = Self {
            distances,
            near,
            place: vec![0; count],
            order,
        };
        tour.place_all();
        tour
    }

    /// The cities in order, from the first of the list.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// From, to and metres of each leg.
    pub fn legs(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        (0..self.order.len()).map(|at| {
            let (from, to) = (self.order[at], self.order[self.after(at)]);
            (from, to, self.distances[from][to])
        })
    }

    /// Metres of the whole tour.
    pub fn length(&self) -> u64 {
        self.legs().map(|(_, _, metres)| metres).sum()
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) % self.order.len()
    }

    fn place_all(&mut self) {
        for (at, city) in self.order.iter().enumerate() {
            self.place[*city] = at;
        }
    }

    /// Turns parts of the tour round as long as that makes it shorter.
    pub fn improve(&mut self) {
        let mut waiting: Vec<usize> = self.order.iter().rev().copied().collect();
        self.improve_from(&mut waiting);
    }

    fn improve_from(&mut self, waiting: &mut Vec<usize>) {
        while let Some(city) = waiting.pop() {
            if let Some(ends) = self.shorter(city) {
                waiting.extend(ends);
            }
        }
    }

    /// Makes one leg of this city shorter if two legs can be exchanged for shorter ones; the four cities of them.
    fn shorter(&mut self, a: usize) -> Option<[usize; 4]> {
        let count = self.order.len();
        for forward in [true, false] {
            let beside = |at: usize| {
                if forward {
                    (at + 1) % count
                } else {
                    (at + count - 1) % count
                }
            };
            let b = self.order[beside(self.place[a])];
            let now = self.distances[a][b];
            for i in 0..self.near[a].len() {
                let c = self.near[a][i];
                let gain = now as i64 - self.distances[a][c] as i64;
                if gain <= 0 {
                    break;
                }
                let d = self.order[beside(self.place[c])];
                let (before, then) = (self.distances[c][d], self.distances[b][d]);
                if gain + before as i64 > then as i64 {
                    // the part between the two legs is walked the other way
                    if forward {
                        self.turn(self.place[b], self.place[c]);
                    } else {
                        self.turn(self.place[a], self.place[d]);
                    }
                    return Some([a, b, c, d]);
                }
            }
        }
        None
    }

    /// Walks the part from one place to another, round the end if need be, the other way; or the rest, which is the
    /// same tour.
    fn turn(&mut self, from: usize, to: usize) {
        let count = self.order.len();
        let inside = (to + count - from) % count + 1;
        let (mut low, mut high, many) = if inside * 2 <= count {
            (from, to, inside)
        } else {
            ((to + 1) % count, (from + count - 1) % count, count - inside)
        };
        for _ in 0..many / 2 {
            self.order.swap(low, high);
            self.place[self.order[low]] = low;
            self.place[self.order[high]] = high;
            low = (low + 1) % count;
            high = (high + count - 1) % count;
        }
    }

    /// Upsets the tour so often and keeps what got no longer; the round that brought the last improvement.
    pub fn search(&mut self, rounds: u64, random: &mut Random) -> u64 {
        let (mut best, mut length, mut found) = (self.order.clone(), self.length(), 0);
        for round in 1..=rounds {
            let mut waiting = self.upset(random);
            self.improve_from(&mut waiting);
            let now = self.length();
            if now < length {
                found = round;
            }
            if now <= length {
                length = now;
                best.copy_from_slice(&self.order);
            } else {
                self.order.copy_from_slice(&best);
                self.place_all();
            }
        }
        let first = self.place[0];
        self.order.rotate_left(first);
        self.place_all();
        found
    }

    /// Exchanges two neighbouring parts of the tour, which no turning undoes in one step; the cities at the seams.
    fn upset(&mut self, random: &mut Random) -> Vec<usize> {
        let count = self.order.len();
        let longest = (count / 3).clamp(1, 30);
        let first = random.below(longest) + 1;
        let second = random.below(longest) + 1;
        let from = random.below(count - first - second + 1);
        self.order[from..from + first + second].rotate_left(first);
        self.place_all();
        let seams = [from, from + second, from + first + second];
        seams
            .iter()
            .flat_map(|at| [self.order[(at + count - 1) % count], self.order[at % count]])
            .collect()
    }
}

/// A xorshift generator with a multiplier.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // a state of nought would stay so
        Self(seed | 1 << 63)
    }

    fn below(&mut self, most: usize) -> usize {
        let mut x = self.0;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        ((x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) * most as u64 >> 32) as usize
    }
}
