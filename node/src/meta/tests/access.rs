//! Accounts and keys: made, found by their secrets' hashes, rotated, revoked; against a naive model.

use lacuna_model::access::{AccessRefusal, Ended, Key, Reach, Rights, SecretHash};
use lacuna_model::limits::{KEPT_REVOKED_KEYS, MAX_KEYS};
use lacuna_model::meta::{Changed, NewKey};
use lacuna_model::uuid::{KeyId, Principal};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

fn other() -> Account {
    Account("other".to_owned())
}

fn hash(secret: u32) -> SecretHash {
    SecretHash::of(&format!("s{secret}"))
}

fn new_key(id: u128, account: Account, secret: u32, life_micros: Option<u64>) -> MetaCommand {
    MetaCommand::CreateKey(Box::new(NewKey {
        id: KeyId(id),
        account,
        principal: Principal(7),
        label: format!("key {id}"),
        hash: hash(secret),
        rights: Rights::ALL,
        reach: Reach::All,
        life_micros,
    }))
}

fn rotate(account: Account, id: u128, secret: u32, grace_micros: u64) -> MetaCommand {
    MetaCommand::RotateKey { account, key: KeyId(id), hash: hash(secret), grace_micros }
}

fn revoke(account: Account, id: u128) -> MetaCommand {
    MetaCommand::RevokeKey { account, key: KeyId(id) }
}

impl Log {
    fn key(&mut self, command: MetaCommand) -> Key {
        match self.run(command) {
            MetaOutcome::Key(key) => *key,
            other => panic!("{other:?}"),
        }
    }

    /// What a router would judge of this secret now.
    fn judged(&self, secret: u32) -> Option<(KeyId, Result<(), Ended>)> {
        match self.state.query(&MetaQuery::Key(hash(secret))).body {
            MetaBody::Key(key) => key.map(|key| (key.id, key.check(&hash(secret), self.state.stamp()))),
            other => panic!("{other:?}"),
        }
    }

    fn keys_of(&self, account: Account) -> Vec<Key> {
        match self.state.query(&MetaQuery::Keys(account)).body {
            MetaBody::Keys(keys) => keys,
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self, micros: u64) {
        self.stamp += micros;
        self.run(MetaCommand::Tick);
    }
}

#[test]
fn an_account_is_made_once_and_the_default_one_is_always_there() {
    let mut log = Log::bare();
    assert_eq!(log.refused(MetaCommand::CreateAccount(other())), MetaRefusal::NotReady);
    assert_eq!(log.refused(new_key(1, Account::default(), 1, None)), MetaRefusal::NotReady);
    let mut log = Log::new(2);
    assert!(
        matches!(log.run(MetaCommand::CreateAccount(other())), MetaOutcome::Account(made) if made.name == other())
    );
    assert_eq!(log.refused(MetaCommand::CreateAccount(other())), AccessRefusal::AccountExists.into());
    assert_eq!(
        log.refused(MetaCommand::CreateAccount(Account::default())),
        AccessRefusal::AccountExists.into()
    );
    let MetaBody::Accounts(accounts) = log.state.query(&MetaQuery::Accounts).body else { panic!() };
    assert_eq!(accounts.iter().map(|one| one.name.0.as_str()).collect::<Vec<_>>(), ["default", "other"]);
    let query = MetaQuery::Account(Account("none".to_owned()));
    assert_eq!(log.state.query(&query).body, MetaBody::Account(None));
}

#[test]
fn a_key_belongs_to_one_account_and_is_found_by_its_hash() {
    let mut log = Log::new(2);
    assert_eq!(log.refused(new_key(1, other(), 1, None)), AccessRefusal::NoAccount.into());
    log.run(MetaCommand::CreateAccount(other()));
    let made = log.key(new_key(1, other(), 1, None));
    assert_eq!(log.judged(1), Some((KeyId(1), Ok(()))));
    assert_eq!(log.judged(2), None);
    assert_eq!(log.key(new_key(1, other(), 1, None)), made, "a repeat of the same making");
    assert_eq!(
        log.refused(new_key(1, other(), 2, None)),
        AccessRefusal::KeyEnded.into(),
        "the id is another one's"
    );
    assert_eq!(
        log.refused(new_key(2, other(), 1, None)),
        AccessRefusal::KeyEnded.into(),
        "the secret is another one's"
    );
    assert_eq!((log.keys_of(other()).len(), log.keys_of(Account::default()).len()), (1, 0));
    assert_eq!(log.refused(revoke(Account::default(), 1)), AccessRefusal::NoKey.into());
    assert_eq!(log.refused(rotate(Account::default(), 1, 9, 0)), AccessRefusal::NoKey.into());
    assert_eq!(log.judged(1), Some((KeyId(1), Ok(()))));
}

#[test]
fn a_rotated_key_has_a_new_secret_and_the_old_one_ends_at_once_or_after_its_grace() {
    let mut log = Log::new(2);
    log.key(new_key(1, Account::default(), 1, None));
    log.key(rotate(Account::default(), 1, 2, 0));
    assert_eq!((log.judged(1), log.judged(2)), (None, Some((KeyId(1), Ok(())))));
    log.key(rotate(Account::default(), 1, 3, 10 * SECOND));
    assert_eq!((log.judged(2), log.judged(3)), (Some((KeyId(1), Ok(()))), Some((KeyId(1), Ok(())))));
    log.wait(11 * SECOND);
    assert_eq!(log.judged(2), Some((KeyId(1), Err(Ended::Replaced))));
    assert_eq!(log.judged(3), Some((KeyId(1), Ok(()))));
    log.key(rotate(Account::default(), 1, 4, 10 * SECOND));
    assert_eq!(log.judged(2), None, "only one secret before is kept");
}

#[test]
fn a_revoked_key_is_no_good_with_any_secret_and_stays_revoked() {
    let mut log = Log::new(2);
    log.key(new_key(1, Account::default(), 1, None));
    log.key(rotate(Account::default(), 1, 2, 100 * SECOND));
    let version = log.state.version();
    let revoked = log.key(revoke(Account::default(), 1));
    let told = |log: &Log| log.state.query(&MetaQuery::Changes(version)).body;
    assert_eq!(told(&log), MetaBody::Changes(Some(vec![Changed::Key(KeyId(1))])));
    for secret in [1, 2] {
        assert_eq!(log.judged(secret), Some((KeyId(1), Err(Ended::Revoked))));
    }
    assert_eq!(log.key(revoke(Account::default(), 1)), revoked, "the first moment counts");
    assert_eq!(log.refused(rotate(Account::default(), 1, 3, 0)), AccessRefusal::KeyEnded.into());
    assert_eq!(told(&log), MetaBody::Changes(Some(vec![Changed::Key(KeyId(1))])));
}

#[test]
fn keys_that_are_no_good_are_forgotten_in_the_end_and_good_ones_are_limited() {
    let mut log = Log::new(2);
    let many = (MAX_KEYS + KEPT_REVOKED_KEYS + 5) as u128;
    for id in 1..=many {
        let last = id == many;
        let life = (id % 2 == 0).then_some(SECOND);
        log.key(new_key(id, Account::default(), id as u32, life));
        if !last {
            log.key(revoke(Account::default(), id));
        }
    }
    assert_eq!(log.keys_of(Account::default()).len(), KEPT_REVOKED_KEYS + 1);
    assert_eq!(log.judged(1), None);
    let mut log = Log::new(2);
    for id in 1..=MAX_KEYS as u128 {
        log.key(new_key(id, Account::default(), id as u32, None));
    }
    assert_eq!(log.refused(new_key(0, Account::default(), 0, None)), AccessRefusal::TooMany(MAX_KEYS).into());
    log.run(MetaCommand::CreateAccount(other()));
    log.key(new_key(0, other(), 0, None));
    log.key(revoke(Account::default(), 5));
    log.key(new_key(9999, Account::default(), 9999, None));
}

#[derive(Clone, Debug)]
enum Step {
    Create(u8, u32, Option<u64>),
    Rotate(u8, u32, u64),
    Revoke(u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let micros = || 0..20 * SECOND;
    let step = prop_oneof![
        (0..4_u8, 0..12_u32, proptest::option::of(micros()))
            .prop_map(|(id, s, life)| Step::Create(id, s, life)),
        (0..4_u8, 0..12_u32, prop_oneof![Just(0), micros()])
            .prop_map(|(id, s, grace)| Step::Rotate(id, s, grace)),
        (0..4_u8).prop_map(Step::Revoke),
        micros().prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..50)
}

/// A secret that was given, in the naive model: whose, and until when.
#[derive(Clone, Debug)]
struct Given {
    key: u8,
    secret: u32,
    until: u64,
}

/// Takes what an accepted step means: the secrets that are good, nothing else.
fn take(given: &mut Vec<Given>, step: &Step, now: u64) {
    match step {
        Step::Create(key, secret, life) => {
            let known = given.iter().any(|one| one.key == *key && one.secret == *secret);
            if !known {
                let until = life.map_or(u64::MAX, |life| now + life);
                given.push(Given { key: *key, secret: *secret, until });
            }
        }
        Step::Rotate(key, secret, grace) => {
            let Some(last) = given.iter().rposition(|one| one.key == *key) else { return };
            if given[last].secret == *secret {
                return;
            }
            let until = given[last].until;
            // The newest secret stays for its grace, those before it end.
            given[last].until = if *grace == 0 { 0 } else { until.min(now + grace) };
            let keep = given[last].secret;
            given
                .iter_mut()
                .filter(|one| one.key == *key && one.secret != keep)
                .for_each(|one| one.until = 0);
            given.push(Given { key: *key, secret: *secret, until });
        }
        Step::Revoke(key) => {
            given.iter_mut().filter(|one| one.key == *key).for_each(|one| one.until = 0);
        }
        Step::Wait(_) => {}
    }
}

fn run(log: &mut Log, step: &Step) -> MetaOutcome {
    let default = Account::default;
    match step {
        Step::Create(id, secret, life) => log.run(new_key(u128::from(*id), default(), *secret, *life)),
        Step::Rotate(id, secret, grace) => log.run(rotate(default(), u128::from(*id), *secret, *grace)),
        Step::Revoke(id) => log.run(revoke(default(), u128::from(*id))),
        Step::Wait(micros) => {
            log.wait(*micros);
            MetaOutcome::Done
        }
    }
}

#[test]
fn random_keys_are_good_exactly_when_a_naive_model_says_so() {
    let config =
        ProptestConfig { cases: rounds(150), failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        let mut log = Log::new(2);
        let mut given: Vec<Given> = Vec::new();
        for step in &steps {
            let outcome = run(&mut log, step);
            let now = log.state.stamp().0;
            if !matches!(outcome, MetaOutcome::Refused(_)) {
                take(&mut given, step, now);
            }
            for secret in 0..12 {
                let good = log.judged(secret).and_then(|(id, judged)| judged.ok().map(|()| id.0));
                let owner = given.iter().find(|one| one.secret == secret && one.until > now);
                prop_assert_eq!(good, owner.map(|one| u128::from(one.key)), "secret {} after {:?}", secret, step);
            }
            let encoded = postcard::to_stdvec(&log.state).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<MetaState>(&encoded).unwrap(), &log.state);
        }
    });
}
