//! A new isolate takes the keys that another isolate of its data centre fetched, so that it can serve during an outage of the issuer.

use testkit::key_server::Mode;
use uuid::Uuid;

use super::{ask, becomes, believed, edge_of, issuer, state, token_by};

#[tokio::test]
async fn a_new_isolate_starts_warm_while_the_issuer_is_down() {
    // Fresh for an hour: the new isolate does not ask again. Expired at once: it asks in vain, and still uses the keys.
    for (max_age, fetches) in [(3_600, 1), (0, 2)] {
        let issuer = issuer(max_age).await;
        let here = Uuid::new_v4().to_string();
        let first = edge_of(&issuer).in_data_centre(&here).start().await;
        believed(&ask(&first, &token_by("issuer-a")).await);
        assert_eq!(state(&first).await["keys"], 1);
        first.end().await;

        becomes(&issuer, Mode::Down);
        let second = edge_of(&issuer).in_data_centre(&here).start().await;
        believed(&ask(&second, &token_by("issuer-a")).await);
        assert_eq!(issuer.fetches(), fetches, "fetches, max-age {max_age}");
        second.end().await;

        // In another data centre no isolate has fetched them.
        let elsewhere = edge_of(&issuer).start().await;
        ask(&elsewhere, &token_by("issuer-a"))
            .await
            .refused(503, "KEYS_UNAVAILABLE");
        elsewhere.end().await;
    }
}
