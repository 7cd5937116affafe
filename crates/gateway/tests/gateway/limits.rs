//! What a gateway gives to each, what it reads again, and what it forgets when it is asked to.

use crate::world::*;
use axum::http::StatusCode;
use lode_gateway::{Config, Gateway, Limits, Scrubbed};
use lode_jobs::state::JobState;
use lode_store::{unix_now, BlobHash, ForgetRequest, PutRequest};
use solana_keypair::Keypair;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_job_and_a_key_have_so_much_and_no_more() {
    for of_key in [false, true] {
        let world = World::with(|config| {
            // spec and module, and a bit
            let most = Some(1_000);
            config.limits = if of_key {
                Limits {
                    key_bytes: most,
                    ..Limits::default()
                }
            } else {
                Limits {
                    job_bytes: most,
                    ..Limits::default()
                }
            };
        })
        .await;
        for bytes in [&world.spec, &world.module] {
            world.put(&world.customer, bytes).await.unwrap();
        }
        let large = world.put(&world.customer, &world.input).await;
        let said = large.as_ref().unwrap_err().to_string();
        let (whose, refusal) = if of_key {
            ("one key", 507)
        } else {
            ("one job", 413)
        };
        assert!(said.contains(whose), "{said}");
        assert_eq!(status(large), refusal);
        // what is there already costs nothing more
        world.put(&world.customer, &world.module).await.unwrap();
        world.change(|job| {
            job.state = JobState::Accepted as u8;
            job.node = NODE;
        });
        let output = world.put(&world.worker, &[1; 900]).await;
        if of_key {
            output.unwrap();
            assert_eq!(status(world.put(&world.worker, &[2; 200]).await), 507);
        } else {
            assert_eq!(status(output), 413);
        }
        // what was swept away is free again
        world.change(|job| job.state = JobState::Cancelled as u8);
        world.gateway.sweep(0).await.unwrap();
        world.change(|job| job.state = JobState::Open as u8);
        world.put(&world.customer, &world.spec).await.unwrap();
    }
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait_and_the_client_does() {
    let limits = Limits {
        requests_per_second: Some(2),
        ..Limits::default()
    };
    let world = World::with(|config| config.limits = limits).await;
    let (http, begun) = (reqwest::Client::new(), Instant::now());
    let url = format!("{}/blobs/{}", world.client.url(), BlobHash::of(b""));
    let mut answered = 0;
    while answered <= 20 + 2 * begun.elapsed().as_secs() {
        let status = http.get(&url).send().await.unwrap().status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(status, StatusCode::NOT_FOUND);
        answered += 1;
    }
    let most = 20 + 2 * (begun.elapsed().as_secs() + 1);
    assert!((20..=most).contains(&answered), "{answered}");
    // a client with some patience gets through
    let begun = Instant::now();
    let patient = world
        .client
        .clone()
        .with_retry(lode_store::Retry::default());
    assert_eq!(patient.size(BlobHash::of(b"")).await.unwrap(), None);
    assert!(begun.elapsed() > Duration::from_millis(200));
}

#[tokio::test]
async fn behind_a_proxy_each_address_counts_for_itself_and_cannot_choose_another() {
    let limits = Limits {
        requests_per_second: Some(1),
        ..Limits::default()
    };
    let world = World::with(|config| {
        config.limits = limits;
        config.behind_proxy = true;
    })
    .await;
    let url = format!("{}/blobs/{}", world.client.url(), BlobHash::of(b""));
    let http = reqwest::Client::new();
    let ask = async |forwarded: String| {
        let request = http.get(&url).header("x-forwarded-for", forwarded);
        request.send().await.unwrap().status()
    };
    let mut told = false;
    for n in 0..200 {
        // what the sender claims differs every time; what the proxy saw is the same
        told |= ask(format!("198.51.100.{n}, 192.0.2.1")).await == StatusCode::TOO_MANY_REQUESTS;
    }
    assert!(told);
    assert_eq!(ask("192.0.2.2".into()).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_that_writes_too_often_is_told_to_wait_and_others_are_not() {
    let limits = Limits {
        writes_per_second: Some(1),
        ..Limits::default()
    };
    let world = World::with(|config| config.limits = limits).await;
    let put = async |signer: &Keypair| {
        let once = world.client.clone().with_retry(lode_store::Retry {
            tries: 1,
            ..lode_store::Retry::default()
        });
        once.put(&world.writer(signer), world.spec.clone()).await
    };
    for _ in 0..10 {
        put(&world.customer).await.unwrap();
    }
    assert_eq!(status(put(&world.customer).await), 429);
    assert_eq!(status(put(&world.stranger).await), 425);
}

#[tokio::test]
async fn what_the_disk_damaged_is_found_dropped_and_fetched_from_another_gateway() {
    let world = World::new().await;
    world.accepted().await;
    let whole = Scrubbed {
        checked: 3,
        ..Scrubbed::default()
    };
    assert_eq!(world.gateway.scrub().await.unwrap(), whole);
    let damage = |folder: &std::path::Path| {
        let path = |bytes: &[u8]| folder.join(format!("store/blobs/{}", BlobHash::of(bytes)));
        let mut bytes = world.input.clone();
        bytes[1_000_000] ^= 1;
        std::fs::write(path(&world.input), bytes).unwrap();
        std::fs::remove_file(path(&world.module)).unwrap();
    };
    damage(world.folder.path());
    let broken = Scrubbed {
        corrupt: 1,
        missing: 1,
        ..whole
    };
    assert_eq!(world.gateway.scrub().await.unwrap(), broken);
    assert!(!world.is_stored(&world.input).await);
    // its owner can put it again
    world.put(&world.customer, &world.input).await.unwrap();
    world.put(&world.customer, &world.module).await.unwrap();
    assert_eq!(world.gateway.scrub().await.unwrap(), whole);

    // a gateway that knows another one helps itself
    let url = world.client.url().to_owned();
    let other = world.other(|config| config.peers = vec![url.clone()]).await;
    world.name(&[&url, &other.url]);
    for bytes in [&world.spec, &world.module, &world.input] {
        let writer = world.writer(&world.customer);
        other.client.put(&writer, bytes.clone()).await.unwrap();
    }
    damage(other.folder.path());
    let mended = Scrubbed {
        mended: 2,
        ..broken
    };
    assert_eq!(other.gateway.scrub().await.unwrap(), mended);
    assert_eq!(other.gateway.scrub().await.unwrap(), whole);
    assert!(other.has(&world.input).await);
}

#[tokio::test]
async fn a_blob_that_a_power_cut_left_short_is_taken_again() {
    let world = World::new().await;
    world.accepted().await;
    let path = |bytes: &[u8]| {
        let blobs = world.folder.path().join("store/blobs");
        blobs.join(BlobHash::of(bytes).to_string())
    };
    for (bytes, left) in [
        (&world.input, 1_000_000),
        (&world.module, 0),
        (&world.spec, 9),
    ] {
        let file = std::fs::File::options().write(true).open(path(bytes));
        file.unwrap().set_len(left).unwrap();
    }
    for bytes in [&world.spec, &world.module, &world.input] {
        world.put(&world.customer, bytes).await.unwrap();
        assert_eq!(std::fs::read(path(bytes)).unwrap(), *bytes);
    }
}

#[tokio::test]
async fn a_whole_blob_is_not_replaced_by_what_is_said_to_have_another_size() {
    let world = World::new().await;
    world.accepted().await;
    let blob = BlobHash::of(&world.input);
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{blob}","size":9}},"memory_mib":1,"output_limit":1}}"#
    );
    let mut job = world.job();
    job.spec = BlobHash::of(spec.as_bytes()).0;
    world.chain.0.lock().unwrap().jobs.insert(OTHER_JOB, job);
    let writer = lode_store::Writer {
        job: OTHER_JOB,
        ..world.writer(&world.customer)
    };
    let put = world.client.put(&writer, spec.into_bytes()).await;
    put.unwrap();
    let request = PutRequest {
        url: world.client.url(),
        job: OTHER_JOB,
        attempt: 0,
        blob,
        expires: unix_now() + 60,
    };
    let put = async || {
        let request = reqwest::Client::new()
            .put(format!("{}/blobs/{blob}", world.client.url()))
            .header(
                "authorization",
                request.sign(&world.customer).unwrap().to_header(),
            )
            .body("123456789");
        request.send().await.unwrap().status()
    };
    assert_eq!(put().await, StatusCode::UNPROCESSABLE_ENTITY);
    // also where nobody wrote down how large it is
    for name in world.store.list(&format!("index/{JOB}")).await.unwrap() {
        world.store.delete_object(&name).await.unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let uploads = world.folder.path().join("uploads-2");
    let config = Config::new(world.client.url(), world.store.clone(), uploads);
    let again = Gateway::open(config, world.chain.clone()).await.unwrap();
    tokio::spawn(again.serve(listener, world.shutdown.clone()));
    let answer = reqwest::Client::new()
        .put(format!("http://{at}/blobs/{blob}"))
        .header(
            "authorization",
            request.sign(&world.customer).unwrap().to_header(),
        )
        .body("123456789");
    let status = answer.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(world.is_stored(&world.input).await);
}

#[tokio::test]
async fn a_customer_has_his_closed_job_forgotten_and_nobody_else_does() {
    let world = World::new().await;
    world.accepted().await;
    let once = world.client.clone().with_retry(lode_store::Retry {
        tries: 1,
        ..lode_store::Retry::default()
    });
    let forget = |signer| once.forget(signer, JOB);
    // while the account is there it is needed
    assert_eq!(status(forget(&world.customer).await), 409);
    world.chain.0.lock().unwrap().jobs.remove(&JOB);
    for other in [&world.worker, &world.stranger] {
        assert_eq!(status(forget(other).await), 403);
    }
    // not at once: a chain's server may be behind
    assert_eq!(status(forget(&world.customer).await), 425);
    assert!(world.is_stored(&world.input).await);
    // a signature for another gateway, or for another job
    let http = reqwest::Client::new();
    let delete = async |url: &str, job| {
        let expires = unix_now() + 60;
        let signed = ForgetRequest { url, job, expires };
        let signed = signed.sign(&world.customer).unwrap();
        let request = http.delete(format!("{}/jobs/{JOB}", world.client.url()));
        let request = request.header("authorization", signed.to_header());
        request.send().await.unwrap().status()
    };
    let foreign = delete("http://another.gateway", JOB).await;
    assert_eq!(foreign, StatusCode::UNAUTHORIZED);
    let foreign = delete(world.client.url(), OTHER_JOB).await;
    assert_eq!(foreign, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_job_that_was_closed_a_while_ago_is_forgotten_at_once() {
    let world = World::new().await;
    world.accepted().await;
    world.chain.0.lock().unwrap().jobs.remove(&JOB);
    world.gateway.sweep(unix_now() - 60).await.unwrap();
    assert!(world.is_stored(&world.spec).await);
    world.client.forget(&world.customer, JOB).await.unwrap();
    for bytes in [&world.spec, &world.module, &world.input] {
        assert!(!world.is_stored(bytes).await);
    }
    for below in ["blobs", "attest", "index"] {
        assert_eq!(world.store.list(below).await.unwrap(), Vec::<String>::new());
    }
    let again = world.client.forget(&world.customer, JOB).await;
    assert!(again.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_it_does_is_counted() {
    let telemetry = lode_telemetry::Telemetry::new("gateway");
    let told = telemetry.clone();
    let world = World::with(|config| config.telemetry = told).await;
    world.accepted().await;
    let blob = BlobHash::of(&world.input);
    world.client.get(blob, BLOB_LIMIT).await.unwrap();
    world.gateway.sweep(0).await.unwrap();
    world.gateway.scrub().await.unwrap();
    let text = telemetry.metrics.text();
    let bytes = world.spec.len() + world.module.len() + world.input.len();
    for line in [
        r#"lode_gateway_requests_total{method="GET",status="200"} 1"#.to_owned(),
        format!("lode_gateway_served_bytes_total {}", world.input.len()),
        format!("lode_gateway_received_bytes_total {bytes}"),
        "lode_gateway_stored_total 3".to_owned(),
        "lode_gateway_scrubbed_total 3".to_owned(),
        "lode_gateway_jobs 1".to_owned(),
        format!("lode_gateway_bytes {bytes}"),
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert_eq!(telemetry.health.complaints(), []);
}
