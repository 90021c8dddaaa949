//! What became of items, per exporter: the terms of "accepted = delivered + pending +
//! dead-lettered + dropped by reason".

/// Why an exporter dropped items. Numbers are on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DropReason {
    /// The exporter was not configured while they came and went.
    Detached = 0,
    /// `on_full: drop_oldest` deleted them.
    JournalFull = 1,
    /// Their frames are corrupt.
    Corrupt = 2,
    /// The backend has newer samples of the series.
    OutOfOrder = 3,
    /// The backend takes nothing so old.
    TooOld = 4,
    /// The backend has no place for such items, or the configuration keeps them from it.
    Unsupported = 5,
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = 6;

    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Detached, Self::JournalFull, Self::Corrupt, Self::OutOfOrder, Self::TooOld, Self::Unsupported];

    /// The name used in metrics and APIs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detached => "detached",
            Self::JournalFull => "journal_full",
            Self::Corrupt => "corrupt",
            Self::OutOfOrder => "out_of_order",
            Self::TooOld => "too_old",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Items by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The backend has them.
    pub delivered: u64,
    /// The backend refused them; they are in the dead letters.
    pub dead_lettered: u64,
    /// Neither, by [`DropReason`].
    pub dropped: [u64; DropReason::COUNT],
}

/// Counts since a cursor began.
pub type Counters = Counts;

impl Counts {
    /// `items` that the backend has.
    #[must_use]
    pub fn delivered(items: u64) -> Self {
        Self { delivered: items, ..Self::default() }
    }

    /// `items` that went to the dead letters.
    #[must_use]
    pub fn dead_lettered(items: u64) -> Self {
        Self { dead_lettered: items, ..Self::default() }
    }

    /// `items` dropped for `reason`.
    #[must_use]
    pub fn dropped(reason: DropReason, items: u64) -> Self {
        let mut counts = Self::default();
        counts.dropped[reason as usize] = items;
        counts
    }

    /// Items in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.delivered + self.dead_lettered + self.dropped.iter().sum::<u64>()
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.dead_lettered += other.dead_lettered;
        for (sum, more) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += more;
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}
