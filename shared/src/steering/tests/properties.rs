use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn state_survives_storage(percents in prop::collection::vec(0_u16..=10_000, 0..20), two in any::<bool>()) {
        let mut steering = Steering::default();
        for basis_points in percents {
            let change = Change { percent: Percentage::from_basis_points(basis_points), ..Change::default() };
            let version = steering.version();
            steering.put(wanted(change, version), "ops", two, NOW).unwrap();
        }
        let stored = serde_json::to_string(&steering).unwrap();
        prop_assert_eq!(serde_json::from_str::<Steering>(&stored).unwrap(), steering);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Requested::parse(&body);
    }
}
