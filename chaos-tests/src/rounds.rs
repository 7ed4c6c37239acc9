//! How much of each scenario a run does: one table with both columns.

/// Rounds and lengths of the scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// `kill_leaders`: seconds of load.
    pub kill_leaders_seconds: u64,
    /// `kill_leaders`: seconds between kills.
    pub kill_every_seconds: u64,
    /// `power_cut`: rounds.
    pub power_cut_rounds: u32,
    /// `power_cut`: seconds of load before each cut.
    pub power_cut_seconds: u64,
    /// `kill_after_delete`: rounds of delete, SIGKILL, restart (landscape F5).
    pub kill_after_delete_rounds: u32,
    /// `router_killed`: rounds.
    pub router_killed_rounds: u32,
    /// Clients of a workload.
    pub clients: u32,
}

/// The short programme, run for every commit.
pub const SHORT: Rounds = Rounds {
    kill_leaders_seconds: 60,
    kill_every_seconds: 5,
    power_cut_rounds: 20,
    power_cut_seconds: 2,
    kill_after_delete_rounds: 10,
    router_killed_rounds: 2,
    clients: 8,
};

/// The full figures.
pub const LONG: Rounds = Rounds {
    kill_leaders_seconds: 600,
    kill_every_seconds: 5,
    power_cut_rounds: 100,
    power_cut_seconds: 5,
    kill_after_delete_rounds: 100,
    router_killed_rounds: 50,
    clients: 8,
};

/// The column that `./test` chose.
pub fn chosen() -> Rounds {
    if std::env::var("LACUNA_TEST_LONG").is_ok_and(|long| long == "1") { LONG } else { SHORT }
}
