//! How far from the evaluation's instant each selector reads: its own range, offset and `@`, and
//! those of the subqueries round it.

use super::LOOKBACK_MS;
use super::matcher::Selector;
use super::tree::Node;
use crate::model::time::Millis;

/// What an `@` modifier pins a selector or a subquery to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// `@ start()`: the first instant of the query.
    Start,
    /// `@ end()`: the last instant of the query.
    End,
    /// `@ 1609746000`, in milliseconds.
    Time(Millis),
}

/// The instants at which a subquery's results come and go: multiples of its step, shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) step_ms: i64,
    pub(super) offset_ms: i64,
    pub(super) range_ms: i64,
}

impl Grid {
    /// The first instant after `at` at which a step comes into sight or leaves it.
    pub(super) fn next(self, at: Millis) -> Millis {
        let after = |shift: i64| {
            let past = at.saturating_sub(shift);
            (past - past.rem_euclid(self.step_ms)).saturating_add(self.step_ms).saturating_add(shift)
        };
        after(self.offset_ms).min(after(self.offset_ms.saturating_add(self.range_ms)))
    }
}

/// Which samples a selector reads, seen from the query's instant: those in `(from, to]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The fixed time that `from` and `to` are relative to; `None` for the query's instant.
    pub(super) fixed: Option<Millis>,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    /// Subqueries whose steps follow the query's instant.
    pub(super) grids: Vec<Grid>,
    /// Whether it is only read at the steps of one of `grids`.
    pub(super) at_steps: bool,
}

impl Reach {
    fn pin(&mut self, at: Option<At>) {
        let Some(at) = at else { return };
        (self.from_ms, self.to_ms, self.at_steps) = (0, 0, false);
        self.fixed = if let At::Time(time) = at { Some(time) } else { None };
    }

    fn look_back(&mut self, offset_ms: i64, depth_ms: i64) {
        self.to_ms = self.to_ms.saturating_sub(offset_ms);
        self.from_ms = self.from_ms.saturating_sub(offset_ms).saturating_sub(depth_ms);
    }
}

/// Works out the reach of every selector below `node`.
pub(super) fn measure(node: &Node, selectors: &mut [Selector]) {
    visit(node, &Reach::default(), selectors);
}

fn visit(node: &Node, outer: &Reach, selectors: &mut [Selector]) {
    match node {
        Node::Instant(number) | Node::Window(number) => {
            let selector = &mut selectors[*number];
            let mut reach = outer.clone();
            reach.pin(selector.at);
            reach.look_back(selector.offset_ms, selector.range_ms.unwrap_or(LOOKBACK_MS));
            selector.reach = reach;
        }
        Node::Subquery(subquery) => {
            let mut reach = outer.clone();
            reach.pin(subquery.at);
            reach.look_back(subquery.offset_ms, subquery.range_ms);
            if reach.fixed.is_none() && !reach.at_steps {
                let (step_ms, offset_ms, range_ms) = (subquery.step_ms, subquery.offset_ms, subquery.range_ms);
                reach.grids.push(Grid { step_ms, offset_ms, range_ms });
                reach.at_steps = true;
            }
            visit(&subquery.body, &reach, selectors);
        }
        _ => node.children().into_iter().for_each(|child| visit(child, outer, selectors)),
    }
}
