//! What rules record: forwarded where the group asks for it, and there again after a restart.

use watchgate::model::time::wall_clock;

use super::{PATIENCE, to_prometheus};
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::parts::{self, Prometheus, Release};
use crate::support::process::until;
use crate::support::remote_write::{TimeSeries, send};

const RULES: &str = "
groups:
- name: sent
  interval: 1s
  forward: true
  rules:
  - { record: 'shop:orders', expr: sum by (shop) (orders) }
  - { alert: Busy, expr: 'shop:orders > 5' }
- name: kept
  interval: 1s
  rules:
  - { record: 'shop:twice', expr: 2 * shop:orders }
  - { record: 'shop:seen', expr: 'count_over_time(shop:twice[10m])' }
  - { alert: SeenOften, expr: 'shop:seen >= 5' }
";

#[tokio::test]
async fn recorded_series_are_forwarded_where_asked_and_survive_a_restart() {
    let _turn = parts::turn().await;
    let Some(store) = Prometheus::start(Release::Current, "").await else { return };
    let config = format!(
        "exporters:\n{}external_labels: {{ site: one }}\nrules: {{ files: ['{{folder}}/rules.yaml'] }}\n",
        to_prometheus(&store)
    );
    let mut gateway = Gateway::start(&config, &[("rules.yaml", RULES)]).await;
    let orders = TimeSeries::new(&[("__name__", "orders"), ("shop", "a")], &[(wall_clock(), 7.0)]);
    send(&client(), &gateway.ingest, vec![orders]).await.expect("an answer").ok();

    let recorded = "shop:orders{shop=\"a\", site=\"one\"}";
    let found = until("the recorded series", PATIENCE, async || store.number(recorded, None).await).await;
    assert_eq!(found, 7.0);
    let alerts = "ALERTS{alertname=\"Busy\", alertstate=\"firing\", shop=\"a\", site=\"one\"}";
    assert_eq!(until("ALERTS", PATIENCE, async || store.number(alerts, None).await).await, 1.0);
    let firing = async |gateway: &Gateway| {
        let answer = gateway.get("/api/v1/alerts").await.ok().text();
        answer.contains("SeenOften").then_some(())
    };
    until("the history of a recorded series", PATIENCE, async || firing(&gateway).await).await;
    assert_eq!(store.number("{__name__=~\"shop:(twice|seen)\"}", None).await, None, "not asked for");

    gateway.process.stop();
    gateway.process.start_again();
    gateway.ready().await;
    let after = until("rules after the restart", PATIENCE, async || {
        let rules = gateway.get("/api/v1/rules").await.ok().json();
        let alert =
            rules.pointer("/data/groups/1/rules/2/alerts/0/value").and_then(|value| value.as_str().map(str::to_owned));
        alert.and_then(|value| value.parse::<f64>().ok())
    })
    .await;
    assert!(after >= 5.0, "{after} samples: the history of before is there");
}
