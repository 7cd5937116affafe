//! Gateways that copy what the jobs of a market name.

use crate::world::*;
use lode_gateway::{Copied, Mirror};
use lode_jobs::state::{flag, JobState};
use lode_runtime::{Blob, End, Finished, Receipt, Timing};
use lode_sealed::{DataKey, Envelope, Identity};
use lode_store::{unix_now, BlobHash};
use std::time::Duration;

/// What the job's run comes to: a receipt that names an output.
fn receipt(world: &World, output: &[u8]) -> Receipt {
    Receipt {
        spec: BlobHash::of(&world.spec).0,
        limit: 10,
        end: End::Exit(0),
        fuel: 7_000_000,
        units: 7,
        memory: None,
        stdout: Blob::of(output),
        stderr: Blob::of(b""),
        files: Vec::new(),
    }
}

/// A result whose receipt names an output; the worker has put both, and the receipt is revealed.
async fn revealed(world: &World) -> (Vec<u8>, Vec<u8>) {
    let output = b"output".to_vec();
    let receipt = receipt(world, &output).line();
    for bytes in [&output, &Vec::new(), &receipt] {
        world.put(&world.worker, bytes).await.unwrap();
    }
    settled(world, BlobHash::of(&receipt));
    (receipt, output)
}

fn settled(world: &World, result: BlobHash) {
    world.change(|job| {
        job.state = JobState::Settled as u8;
        job.result = result.0;
        job.flags |= flag::REVEALED;
    });
}

#[tokio::test]
async fn a_mirror_has_all_that_the_chain_says_belongs_to_a_job() {
    let world = World::new().await;
    world.accepted().await;
    let url = world.client.url().to_owned();
    let mirror = world.other(|config| config.peers = vec![url.clone()]).await;
    let copied = |blobs, incomplete| Copied { blobs, incomplete };
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(3, 0)
    );
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(0, 0)
    );
    let (receipt, output) = revealed(&world).await;
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(3, 0)
    );
    for bytes in [&world.spec, &world.module, &world.input, &receipt, &output] {
        assert!(mirror.has(bytes).await);
    }
    // it takes no writes: the market does not name it
    let writer = world.writer(&world.customer);
    assert_eq!(
        status(mirror.client.put(&writer, world.spec.clone()).await),
        403
    );
}

#[tokio::test]
async fn a_mirror_has_all_of_a_private_job_for_whoever_can_open_it() {
    let world = World::new().await;
    let (key, node) = (DataKey::random(), Identity::random());
    let [spec, module, input] =
        [&world.spec, &world.module, &world.input].map(|plain| key.seal(plain));
    let named = vec![Blob::of(&module), Blob::of(&input)];
    let to = [node.recipient()];
    let envelope = Envelope::new(&key, &to, Blob::of(&spec), named, OUTPUT_LIMIT).unwrap();
    let stored = envelope.to_bytes();
    world.change(|job| job.spec = BlobHash::of(&stored).0);
    for bytes in [&stored, &spec, &module, &input] {
        world.put(&world.customer, bytes).await.unwrap();
    }
    world.change(|job| (job.state, job.node) = (JobState::Accepted as u8, NODE));
    let url = world.client.url().to_owned();
    let mirror = world.other(|config| config.peers = vec![url]).await;
    let copied = mirror.gateway.copy_market(&MARKET).await.unwrap();
    assert_eq!((copied.blobs, copied.incomplete), (4, 0));

    let receipt = receipt(&world, b"output");
    let run = Finished {
        line: receipt.line(),
        result_hash: receipt.result_hash(),
        receipt,
        outputs: vec![b"output".to_vec(), Vec::new()],
        memory_bytes: 0,
        timing: Timing::default(),
    };
    let private = envelope.unlock(&[node]).unwrap();
    let results = private.conceal(&run).unwrap();
    for bytes in &results.blobs {
        world.put(&world.worker, bytes).await.unwrap();
    }
    settled(&world, BlobHash(results.hash));
    let copied = mirror.gateway.copy_market(&MARKET).await.unwrap();
    // two outputs, the receipt, and what the result names both by
    assert_eq!((copied.blobs, copied.incomplete), (4, 0));
    for bytes in [&stored, &spec, &module, &input]
        .into_iter()
        .chain(&results.blobs)
    {
        assert!(mirror.has(bytes).await);
    }
    let sealed = BlobHash::of(results.blobs.first().unwrap());
    let sealed = mirror.client.get(sealed, BLOB_LIMIT).await.unwrap();
    let opened = private.open(&Blob::of(b"output"), &sealed).unwrap();
    assert_eq!(&opened[..], b"output");
}

fn market_url(world: &World) -> [u8; 96] {
    world.chain.0.lock().unwrap().markets[&MARKET].store_url
}

#[tokio::test]
async fn with_a_mirror_that_it_knows_a_client_reads_on_when_the_gateway_is_away() {
    let world = World::new().await;
    world.accepted().await;
    let url = world.client.url().to_owned();
    let mirror = world.other(|config| config.peers = vec![url]).await;
    mirror.gateway.copy_market(&MARKET).await.unwrap();
    // nobody listens where the market says
    world.name(&["http://127.0.0.1:1"]);
    let mirrors = vec![mirror.url.clone()];
    let client = lode_store::Gateways::with_mirrors(mirrors).unwrap();
    let client = client.of(&market_url(&world)).unwrap();
    let blob = BlobHash::of(&world.input);
    assert_eq!(client.get(blob, BLOB_LIMIT).await.unwrap(), world.input);
    assert_eq!(
        client.size(blob).await.unwrap(),
        Some(world.input.len() as u64)
    );
    // but nothing is put there
    let impatient = client.with_retry(lode_store::Retry {
        tries: 1,
        ..lode_store::Retry::default()
    });
    let writer = world.writer(&world.customer);
    let put = impatient.put(&writer, b"x".to_vec()).await;
    let said = put.unwrap_err().to_string();
    assert!(said.contains("http://127.0.0.1:1"), "{said}");
}

#[tokio::test]
async fn a_market_that_names_two_gateways_goes_on_with_either() {
    let world = World::new().await;
    let url = world.client.url().to_owned();
    let mirror = Mirror {
        market: MARKET,
        every: Duration::from_millis(50),
    };
    let second = world
        .other(|config| {
            config.peers = vec![url.clone()];
            config.mirror = Some(mirror);
        })
        .await;
    world.name(&[&url, &second.url]);
    world.accepted().await;
    for bytes in [&world.spec, &world.module, &world.input] {
        let has = async || {
            while !second.has(bytes).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), has())
            .await
            .unwrap();
    }
    // the worker cannot reach the first one: the second takes his output
    let both = client(&["http://127.0.0.1:1", &second.url]);
    let writer = world.writer(&world.worker);
    both.put(&writer, b"output".to_vec()).await.unwrap();
    assert!(second.has(b"output").await);
}

#[tokio::test]
async fn a_gateway_that_never_saw_the_spec_is_given_it_first() {
    let world = World::new().await;
    world.accepted().await;
    let second = world.other(|_| {}).await;
    world.name(&[world.client.url(), &second.url]);
    let spec = world.folder.path().join("spec");
    std::fs::write(&spec, &world.spec).unwrap();
    let writer = world.writer(&world.worker);
    let put = second.client.put(&writer, b"output".to_vec()).await;
    assert_eq!(status(put), 424);
    let output = b"output".to_vec();
    second
        .client
        .put_output(&writer, &spec, output)
        .await
        .unwrap();
    assert!(second.has(&world.spec).await && second.has(b"output").await);
    // the spec is the customer's all the same: to have it forgotten is his right, not the worker's
    world.chain.0.lock().unwrap().jobs.remove(&JOB);
    second.gateway.sweep(unix_now() - 60).await.unwrap();
    let by_worker = second.client.forget(&world.worker, JOB).await;
    assert_eq!(status(by_worker), 403);
    second.client.forget(&world.customer, JOB).await.unwrap();
}

#[tokio::test]
async fn a_mirror_copies_no_cancelled_job_and_takes_up_what_was_missing_later() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    let url = world.client.url().to_owned();
    let mirror = world.other(|config| config.peers = vec![url]).await;
    let copied = |blobs, incomplete| Copied { blobs, incomplete };
    // spec, and then the first input that is not there
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(1, 1)
    );
    for bytes in [&world.module, &world.input] {
        world.put(&world.customer, bytes).await.unwrap();
    }
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(2, 0)
    );
    world.change(|job| job.state = JobState::Cancelled as u8);
    mirror.gateway.sweep(0).await.unwrap();
    assert_eq!(
        mirror.gateway.copy_market(&MARKET).await.unwrap(),
        copied(0, 0)
    );
    assert!(!mirror.has(&world.spec).await);
    let unknown = mirror.gateway.copy_market(&OTHER_JOB).await.unwrap_err();
    assert!(unknown.to_string().contains("no market"), "{unknown}");
}

#[tokio::test]
async fn a_job_that_makes_no_sense_keeps_a_mirror_from_no_other() {
    let world = World::new().await;
    world.accepted().await;
    let url = world.client.url().to_owned();
    let mirror = world.other(|config| config.peers = vec![url]).await;
    let first = mirror.gateway.copy_market(&MARKET).await.unwrap();
    assert_eq!((first.blobs, first.incomplete), (3, 0));
    // specs that are blobs, one of them beyond all specs, the other damaged here
    let odd = |spec: &[u8]| lode_jobs::state::Job {
        spec: BlobHash::of(spec).0,
        ..world.job()
    };
    let damaged = mirror.folder.path().join("store/blobs");
    let damaged = damaged.join(BlobHash::of(&world.module).to_string());
    std::fs::write(damaged, "modulf").unwrap();
    let (beyond, broken) = (odd(&world.input), odd(&world.module));
    for n in 100..108 {
        let at = |n: u8| solana_address::Address::new_from_array([n; 32]);
        let mut accounts = world.chain.0.lock().unwrap();
        accounts.jobs.insert(at(n), beyond);
        accounts.jobs.insert(at(n + 100), broken);
    }
    let (receipt, output) = revealed(&world).await;
    let copied = mirror.gateway.copy_market(&MARKET).await.unwrap();
    assert_eq!((copied.blobs, copied.incomplete), (3, 8));
    assert!(mirror.has(&receipt).await && mirror.has(&output).await);
}

#[tokio::test]
async fn a_mirror_keeps_no_more_of_a_job_than_it_was_told() {
    let world = World::new().await;
    world.accepted().await;
    let url = world.client.url().to_owned();
    let mirror = world
        .other(|config| {
            config.peers = vec![url];
            config.limits.job_bytes = Some(1_000);
        })
        .await;
    let copied = mirror.gateway.copy_market(&MARKET).await.unwrap();
    assert_eq!((copied.blobs, copied.incomplete), (2, 0));
    assert!(mirror.has(&world.module).await && !mirror.has(&world.input).await);
}
