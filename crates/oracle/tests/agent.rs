//! The whole agent against a real gateway: what it says without running anything.
#![allow(clippy::unwrap_used)]

mod world;

use axum::routing::post;
use axum::Router;
use lode_attestation::{commitment, Verdict};
use lode_client::Client;
use lode_jobs::state::JobState;
use lode_notify::Hook;
use lode_oracle_agent::{Entry, Error, Journal};
use lode_runtime::{Blob, End, Receipt};
use lode_store::{BlobCache, BlobHash};
use serde_json::Value;
use solana_address::Address;
use std::time::Duration;
use tokio::net::TcpListener;
use world::{answer, ends, World, COMMITTEE, JOB, NODE, SEAT};

#[tokio::test]
async fn a_drawn_seat_writes_its_verdict_down_and_leaves_it_in_the_store() {
    let spec = b"no spec at all";
    let world = World::new(spec).await;
    world.put(&world.customer, spec).await;
    let (running, stop) = world.start();
    world.wait_for(Verdict::Mismatch).await;
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(Verdict::Mismatch));
}

#[tokio::test]
async fn a_missing_blob_is_unrunnable_only_late_and_until_it_comes() {
    let spec = b"no spec at all";
    let world = World::new(spec).await;
    let (running, stop) = world.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.verdict().await, None);
    world.chain.lock().unwrap().slot = 200;
    world.wait_for(Verdict::Unrunnable).await;
    world.put(&world.customer, spec).await;
    world.wait_for(Verdict::Mismatch).await;
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(Verdict::Mismatch));
}

#[tokio::test]
async fn a_verdict_decided_before_a_crash_is_signed_after_it_without_a_second_run() {
    // the spec is missing: whoever ran again would find nothing to run
    let world = World::new(b"no spec at all").await;
    let receipt = b"receipt";
    let mut job = world.job().await;
    job.units = 7;
    job.result = commitment(&BlobHash::of(receipt).0, 7, &JOB, 0, &NODE);
    world.set(JOB, &job);
    let journal = Journal::open(&world.agent_folder().join("journal")).unwrap();
    let entry = Entry {
        job: JOB,
        attempt: 0,
        verdict: Verdict::Match,
        result: BlobHash::of(receipt).0,
        units: 7,
    };
    journal.decide(&entry).unwrap();
    drop(journal);
    // put outputs as a worker does: the gateway needs the spec for their limit
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":1}},"memory_mib":1,"output_limit":0}}"#,
        BlobHash::of(b"m")
    );
    job.spec = BlobHash::of(spec.as_bytes()).0;
    world.set(JOB, &job);
    world.put(&world.customer, spec.as_bytes()).await;
    world.put(&world.worker, receipt).await;

    let (running, stop) = world.start();
    world.wait_for(Verdict::Match).await;
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(Verdict::Match));
}

/// A seat that decided a match, and whose upload then failed: its receipt and outputs lie in its cache alone. The job's
/// module lies nowhere, so nobody can run it.
async fn decided_and_not_put() -> (World, Receipt) {
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":1}},"memory_mib":1,"output_limit":9}}"#,
        BlobHash::of(b"m")
    );
    let world = World::new(spec.as_bytes()).await;
    world.put(&world.customer, spec.as_bytes()).await;
    let mut job = world.job().await;
    job.units_limit = 1_000;
    world.set(JOB, &job);
    let receipt = Receipt {
        spec: BlobHash::of(spec.as_bytes()).0,
        limit: job.units_limit,
        end: End::Exit(0),
        fuel: 1,
        units: 7,
        memory: None,
        stdout: Blob::of(b"lode\n"),
        stderr: Blob::of(b""),
        files: Vec::new(),
    };
    let blobs = BlobCache::open(world.agent_folder().join("blobs")).unwrap();
    for bytes in [receipt.line(), b"lode\n".to_vec(), Vec::new()] {
        blobs.insert(bytes).await.unwrap();
    }
    let journal = Journal::open(&world.agent_folder().join("journal")).unwrap();
    let entry = Entry {
        job: JOB,
        attempt: 0,
        verdict: Verdict::Match,
        result: receipt.result_hash(),
        units: 7,
    };
    journal.decide(&entry).unwrap();
    (world, receipt)
}

#[tokio::test]
async fn an_upload_that_failed_is_done_again_and_the_job_is_not_run_again() {
    let (world, receipt) = decided_and_not_put().await;
    let mut job = world.job().await;
    job.units = 7;
    job.result = commitment(&receipt.result_hash(), 7, &JOB, 0, &NODE);
    world.set(JOB, &job);
    let (running, stop) = world.start();
    world.wait_for(Verdict::Match).await;
    stop.cancel();
    ends(running).await.unwrap();
    for blob in [
        BlobHash(receipt.result_hash()),
        BlobHash::of(b"lode\n"),
        BlobHash::of(b""),
    ] {
        assert!(world.store.size(blob).await.unwrap().is_some(), "{blob}");
    }
}

#[tokio::test]
async fn a_match_is_published_for_no_other_attempt_and_no_other_result() {
    let (world, receipt) = decided_and_not_put().await;
    let (running, stop) = world.start();
    let ours = receipt.result_hash();
    let due = world.job().await;
    let others = [(0, [8; 32], 7), (0, ours, 8), (1, ours, 7)];
    for (later, (attempt, result, units)) in (1..).zip(others) {
        let mut job = due;
        (job.attempt, job.units) = (attempt, units);
        job.result = commitment(&result, units, &JOB, attempt, &NODE);
        // a window of its own, so that it is looked at anew
        job.deadline += later;
        world.set(JOB, &job);
        tokio::time::sleep(Duration::from_millis(500)).await;
        for attempt in [0, 1] {
            let said = world.store.attestation(&JOB, attempt, SEAT).await.unwrap();
            assert_eq!(said, None);
        }
        assert_eq!(world.store.size(BlobHash(ours)).await.unwrap(), None);
    }
    stop.cancel();
    ends(running).await.unwrap();
}

#[tokio::test]
async fn what_does_not_ask_this_seat_is_left_alone() {
    let spec = b"no spec at all";
    let world = World::new(spec).await;
    world.put(&world.customer, spec).await;
    let due = world.job().await;
    let mut others = [due; 4];
    others[0].panel = !(1 << SEAT);
    others[1].state = JobState::Attested as u8;
    others[2].signed_mismatch = 1 << SEAT;
    others[3].submitted_at = 0;
    let (running, stop) = {
        world.set(JOB, &others[0]);
        world.start()
    };
    for job in &others {
        world.set(JOB, job);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.verdict().await, None);
    }
    world.set(JOB, &due);
    world.wait_for(Verdict::Mismatch).await;
    stop.cancel();
    ends(running).await.unwrap();
}

#[tokio::test]
async fn a_key_without_a_seat_and_a_committee_that_is_not_there_are_told_at_once() {
    let world = World::new(b"").await;
    let (running, _) = world.start_with(&world.customer);
    let error = ends(running).await.unwrap_err();
    assert!(matches!(error, Error::NoSeat { .. }), "{error}");
    world.chain.lock().unwrap().all.remove(&COMMITTEE);
    let (running, _) = world.start();
    let error = ends(running).await.unwrap_err();
    assert!(error.to_string().contains("committee"), "{error}");
}

#[tokio::test]
async fn a_committee_of_a_newer_layout_is_told_once_and_served_again_when_it_can_be_read() {
    let spec = b"no spec at all";
    let world = World::new(spec).await;
    world.put(&world.customer, spec).await;
    let path = world.folder.path().join("told.jsonl");
    let hook = Hook::new(Some(format!("cat >> '{}'", path.display())), None).unwrap();
    let (notices, delivery) = hook.start("oracle").unwrap();
    let told = |kind: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // the last line may be half written
        let all = text.lines();
        all.filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["event"] == kind)
            .collect()
    };
    let (running, stop) = world.start_telling(&world.attester, notices);
    world.wait_for(Verdict::Mismatch).await;
    world.set_version(&COMMITTEE, 2);
    for _ in 0..200 {
        if !told("new_version").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // it looks again, and does not say it again
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.set_version(&COMMITTEE, 1);
    let second = Address::new_from_array([6; 32]);
    world.set(second, &world.job().await);
    world.put_for(second, spec).await;
    world.wait_for_of(&second, Verdict::Mismatch).await;
    stop.cancel();
    ends(running).await.unwrap();
    delivery.finish().await;
    let [event] = told("new_version").try_into().unwrap();
    assert_eq!(
        (&event["what"], &event["from"]),
        (&"layout".into(), &"oracle".into())
    );
    assert_eq!(event["address"], COMMITTEE.to_string());
    assert_eq!((&event["version"], &event["known"]), (&2.into(), &1.into()));
}

#[tokio::test]
async fn an_agent_goes_on_when_the_chain_comes_back() {
    let spec = b"no spec at all";
    let mut world = World::new(spec).await;
    world.put(&world.customer, spec).await;
    // reserve a port on which nobody listens yet
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    drop(socket);
    world.client = Client::new(format!("http://{at}"));
    let (running, stop) = world.start();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!running.is_finished());
    let listener = TcpListener::bind(at).await.unwrap();
    let router = Router::new()
        .route("/", post(answer))
        .with_state(world.chain.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    world.wait_for(Verdict::Mismatch).await;
    stop.cancel();
    ends(running).await.unwrap();
}

#[tokio::test]
async fn a_panel_that_grows_is_noticed_and_a_window_opened_anew_gets_the_same_verdict() {
    let spec = b"no spec at all";
    let world = World::new(spec).await;
    let drawn = world.job().await;
    let mut others = drawn;
    others.panel = 0b1;
    others.drawn = 0b1;
    others.eligible = 0b111;
    world.set(JOB, &others);
    let (running, stop) = world.start();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.verdict().await, None);
    // its panel stayed silent: the whole committee is asked, in a window of its own, and the spec never came
    others.panel = 0b111;
    others.deadline = 600;
    world.set(JOB, &others);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.verdict().await, None);
    world.chain.lock().unwrap().slot = 590;
    world.wait_for(Verdict::Unrunnable).await;
    // decided so and appealed against; now the spec is there
    others.state = JobState::Attested as u8;
    others.signed_unrunnable = 0b111;
    others.deadline = 700;
    world.set(JOB, &others);
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.put(&world.customer, spec).await;
    others.state = JobState::Challenged as u8;
    others.deadline = 1_000;
    world.set(JOB, &others);
    world.wait_for(Verdict::Mismatch).await;
    // and once more: what was signed stands
    others.deadline = 1_300;
    world.set(JOB, &others);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.verdict().await, Some(Verdict::Mismatch as u8));
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(Verdict::Mismatch));
}
