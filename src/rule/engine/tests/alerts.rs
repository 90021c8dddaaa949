//! One alert's life, from the sample that starts it to the end of its retention.

use super::support::{Story, group};
use crate::model::alert::AlertState::{Firing, Pending, Resolved};

fn threshold(rest: &str) -> Story {
    Story::new(&group("interval: 15s", &format!("  - {{alert: Hot, expr: temp > 90{rest}}}\n")))
}

#[test]
fn a_threshold_fires_with_the_very_sample_and_resolves_with_the_next() {
    let mut story = threshold("");
    story.push(1.0, "temp{host=a} 50\ntemp{host=b} 95");
    assert_eq!(story.told(), [(1.0, Firing, r#"Hot{host="b"}"#.to_owned())]);
    assert_eq!(story.told[0].1.received_at, Some(super::support::at(1.0)));
    story.push(2.5, "temp{host=b} 89");
    assert_eq!(story.told()[1..], [(2.5, Resolved, r#"Hot{host="b"}"#.to_owned())]);
}

#[test]
fn for_ends_exactly_and_a_dip_starts_it_anew() {
    let mut story = threshold(", for: 10s");
    story.push(1.0, "temp{host=a} 95");
    story.want(10.999, Pending, &[r#"Hot{host="a"}"#]);
    story.want(11.0, Firing, &[r#"Hot{host="a"}"#]);
    story.push(12.0, "temp{host=a} 10");
    story.push(13.0, "temp{host=a} 95");
    story.push(14.0, "temp{host=a} 10");
    story.push(15.0, "temp{host=a} 95");
    story.want(24.9, Firing, &[]);
    story.want(25.0, Firing, &[r#"Hot{host="a"}"#]);
}
