//! The gateway over real sockets, with the store's own client, before a chain of decoded accounts.
#![allow(clippy::unwrap_used)]

mod idlers;
mod lies;
mod limits;
mod links;
mod mirrors;
mod world;

use lode_attestation::{commitment, Verdict};
use lode_gateway::{Config, Error, Gateway, Swept, RETENTION_SECONDS};
use lode_jobs::state::{flag, JobState};
use lode_oracle::state::Seat;
use lode_store::{
    unix_now, Attestation, BlobHash, GatewayClient, PutRequest, Retry, Source, Writer,
    MOST_RECEIPT_BYTES, MOST_SPEC_BYTES,
};
use reqwest::StatusCode;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use world::*;

#[tokio::test]
async fn what_a_customer_puts_anyone_gets_back() {
    let world = World::new().await;
    for bytes in [&world.spec, &world.module, &world.input] {
        assert!(!world.is_stored(bytes).await);
        let blob = world.put(&world.customer, bytes).await.unwrap();
        assert!(world.is_stored(bytes).await);
        let got = world.client.get(blob, BLOB_LIMIT).await.unwrap();
        assert_eq!(got, bytes.as_slice());
        // again, as after a crash: nothing changes
        assert_eq!(world.put(&world.customer, bytes).await.unwrap(), blob);
    }
}

#[tokio::test]
async fn a_file_goes_up_and_down() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    let up = world.folder.path().join("up");
    std::fs::write(&up, &world.input).unwrap();
    let writer = Writer {
        signer: &world.customer,
        job: JOB,
        attempt: 0,
    };
    let blob = world.client.put(&writer, up.as_path()).await.unwrap();
    let down = world.folder.path().join("down");
    world.client.fetch(blob, BLOB_LIMIT, &down).await.unwrap();
    assert_eq!(std::fs::read(down).unwrap(), world.input);
}

#[tokio::test]
async fn a_folder_is_one_gateways_who_clears_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Config::in_folder("http://127.0.0.1:1", folder.path());
    let config = open().unwrap();
    let second = open().unwrap_err();
    assert!(matches!(second, Error::FolderInUse(_)), "{second}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::open(config, TestChain::default()).await.unwrap();
    assert!(open().is_err());
    // a gateway that has served has it no longer, whoever still knows it
    let stop = CancellationToken::new();
    stop.cancel();
    gateway.clone().serve(listener, stop).await.unwrap();
    let index = folder.path().join("blobs/index/a_job");
    std::fs::create_dir_all(&index).unwrap();
    let (half, whole) = (index.join("a_blob#12"), index.join("a_blob"));
    for path in [&half, &whole] {
        std::fs::write(path, b"").unwrap();
    }
    open().unwrap();
    assert!(!half.exists() && whole.exists());
}

#[tokio::test]
async fn a_part_of_a_blob_is_served() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    let url = format!("{}/blobs/{}", world.client.url(), BlobHash::of(&world.spec));
    let get = |range: &'static str| {
        let request = reqwest::Client::new().get(&url).header("range", range);
        async move { request.send().await.unwrap() }
    };
    let size = world.spec.len();
    for (range, part) in [
        ("bytes=0-9", 0..10),
        ("bytes=5-", 5..size),
        ("bytes=-4", size - 4..size),
        ("bytes=10-99999999", 10..size),
    ] {
        let answer = get(range).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            answer.headers()["content-range"],
            format!("bytes {}-{}/{size}", part.start, part.end - 1)
        );
        assert_eq!(answer.bytes().await.unwrap(), world.spec[part]);
    }
    let answer = get("bytes=99999999-").await;
    assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.headers()["content-range"], format!("bytes */{size}"));
    for whole in ["bytes=9-5", "pages=1-2", "bytes=0-1,3-4"] {
        let answer = get(whole).await;
        assert_eq!(answer.status(), StatusCode::OK, "{whole}");
        assert_eq!(answer.bytes().await.unwrap(), world.spec);
    }
}

#[tokio::test]
async fn nothing_is_listed_and_no_path_leads_out() {
    let world = World::new().await;
    world.accepted().await;
    std::fs::write(world.folder.path().join("secret"), "hidden treasure").unwrap();
    let base = world.client.url().to_owned();
    for path in [
        "",
        "blobs",
        "blobs/",
        "attest",
        "attest/",
        &format!("attest/{JOB}"),
        &format!("attest/{JOB}/0"),
        "index",
        &format!("index/{JOB}"),
        "blobs/..%2f..%2fsecret",
        "blobs/%2e%2e",
        "blobs/%2fetc%2fpasswd",
        &format!("attest/{JOB}/0/..%2f..%2f..%2findex"),
        &format!("attest/{JOB}/00/1"),
        &format!("attest/{JOB}/+0/1"),
        "attest/..%2findex/0/1",
    ] {
        let answer = reqwest::get(format!("{base}/{path}")).await.unwrap();
        let status = answer.status();
        assert!(
            matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST),
            "{path}: {status}"
        );
        let text = answer.text().await.unwrap();
        assert!(
            text.len() < 200 && !text.contains("treasure"),
            "{path}: {text}"
        );
    }
    // a raw path with dots, which a tidy client would have resolved before sending
    let mut socket = TcpStream::connect(base.trim_start_matches("http://"))
        .await
        .unwrap();
    socket
        .write_all(b"GET /blobs/../../secret HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn an_unsigned_expired_or_foreign_signature_puts_nothing() {
    let world = World::new().await;
    let blob = BlobHash::of(&world.spec);
    let http = reqwest::Client::new();
    let url = format!("{}/blobs/{blob}", world.client.url());
    let put = |header: Option<String>| {
        let mut request = http.put(&url).body(world.spec.clone());
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        async move { request.send().await.unwrap().status() }
    };
    let good = PutRequest {
        url: world.client.url(),
        job: JOB,
        attempt: 0,
        blob,
        expires: unix_now() + 60,
    };
    let header =
        |request: &PutRequest, signer: &Keypair| Some(request.sign(signer).unwrap().to_header());
    assert_eq!(put(None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(put(Some("Lode".into())).await, StatusCode::UNAUTHORIZED);
    for wrong in [
        PutRequest {
            expires: unix_now(),
            ..good.clone()
        },
        PutRequest {
            expires: unix_now() + 7_200,
            ..good.clone()
        },
        PutRequest {
            blob: BlobHash::of(&world.module),
            ..good.clone()
        },
        PutRequest {
            url: "http://another.gateway",
            ..good.clone()
        },
    ] {
        let status = put(header(&wrong, &world.customer)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    assert_eq!(
        put(header(&good, &world.stranger)).await,
        StatusCode::TOO_EARLY
    );
    // signed by the stranger, said to be the customer's
    let mut forged = good.sign(&world.stranger).unwrap();
    forged.key = world.customer.pubkey();
    assert_eq!(
        put(Some(forged.to_header())).await,
        StatusCode::UNAUTHORIZED
    );
    assert!(!world.is_stored(&world.spec).await);
    assert_eq!(
        put(header(&good, &world.customer)).await,
        StatusCode::CREATED
    );
    assert!(world.is_stored(&world.spec).await);
}

#[tokio::test]
async fn only_the_markets_own_gateway_takes_its_blobs() {
    let world = World::new().await;
    {
        let mut accounts = world.chain.0.lock().unwrap();
        accounts.markets.get_mut(&MARKET).unwrap().store_url[0] = b'x';
    }
    let error = world.put(&world.customer, &world.spec).await.unwrap_err();
    assert!(
        error.to_string().contains("names other gateways"),
        "{error}"
    );
}

#[tokio::test]
async fn a_job_that_is_not_there_yet_is_waited_for() {
    let world = World::new().await;
    let job = world.chain.0.lock().unwrap().jobs.remove(&JOB).unwrap();
    let writer = Writer {
        signer: &world.customer,
        job: JOB,
        attempt: 0,
    };
    let put = world.client.put(&writer, world.spec.clone());
    let appear = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.chain.0.lock().unwrap().jobs.insert(JOB, job);
    };
    let (put, ()) = tokio::join!(put, appear);
    put.unwrap();
}

#[tokio::test]
async fn a_state_says_who_may_write() {
    let world = World::new().await;
    world.accepted().await;
    let states = [
        (JobState::Open, true, false, false),
        (JobState::Accepted, true, true, false),
        (JobState::Submitted, true, true, false),
        (JobState::Sealed, true, true, true),
        (JobState::Attested, true, true, true),
        (JobState::Challenged, true, true, true),
        (JobState::Settled, false, false, false),
        (JobState::Failed, false, false, false),
        (JobState::Voided, false, false, false),
        (JobState::Cancelled, false, false, false),
    ];
    for (n, (state, customer, worker, seat)) in states.into_iter().enumerate() {
        world.change(|job| {
            job.state = state as u8;
            job.panel = 0b111;
        });
        let output = |who: u8| vec![n as u8, who];
        for (who, key, may) in [
            (0, &world.worker, worker),
            (1, &world.attesters[0], seat),
            // of the committee, but not drawn
            (2, &world.attesters[3], false),
            (3, &world.stranger, false),
        ] {
            let put = world.put(key, &output(who)).await;
            if may {
                put.unwrap();
            } else {
                // accepting and sealing make writers, perhaps just now
                let early = matches!(state, JobState::Open | JobState::Submitted);
                let expected = if early { 425 } else { 403 };
                assert_eq!(status(put), expected, "{state:?} {who}");
            }
        }
        world
            .store
            .delete(BlobHash::of(&world.module))
            .await
            .unwrap();
        let put = world.put(&world.customer, &world.module).await;
        if customer {
            put.unwrap();
        } else {
            assert_eq!(status(put), 403, "{state:?}");
        }
    }
}

#[tokio::test]
async fn each_writes_only_what_is_his() {
    let world = World::new().await;
    // before the spec nothing can be judged
    assert_eq!(status(world.put(&world.customer, &world.module).await), 424);
    world.accepted().await;
    // an output by the customer
    assert_eq!(status(world.put(&world.customer, b"output").await), 403);
    // an input by the worker; the spec is the customer's, whoever brings it
    let blob = BlobHash::of(&world.module);
    world.store.delete(blob).await.unwrap();
    assert_eq!(status(world.put(&world.worker, &world.module).await), 403);
    let blob = BlobHash::of(&world.spec);
    world.store.delete(blob).await.unwrap();
    world.put(&world.worker, &world.spec).await.unwrap();
    let stranger = world.put(&world.stranger, &world.spec).await;
    assert_eq!(status(stranger), 403);
    // an attempt that is over
    world.change(|job| job.attempt = 1);
    let writer = Writer {
        signer: &world.worker,
        job: JOB,
        attempt: 0,
    };
    world.put(&world.customer, &world.spec).await.unwrap();
    let late = world.client.put(&writer, b"output".to_vec()).await;
    assert_eq!(status(late), 409);
}

#[tokio::test]
async fn bytes_of_another_hash_never_become_visible() {
    let world = World::new().await;
    let blob = BlobHash::of(&world.spec);
    let signed = world.signed(blob);
    let mut wrong = world.spec.clone();
    wrong[0] ^= 1;
    let answer = reqwest::Client::new()
        .put(format!("{}/blobs/{blob}", world.client.url()))
        .header("authorization", signed.to_header())
        .body(wrong)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!world.is_stored(&world.spec).await);
    // and the right bytes afterwards do
    world.put(&world.customer, &world.spec).await.unwrap();
}

#[tokio::test]
async fn sizes_are_limited_by_spec_market_and_chain() {
    let world = World::new().await;
    // a spec above 64 KiB
    let large = vec![b' '; MOST_SPEC_BYTES as usize + 1];
    world.change(|job| job.spec = BlobHash::of(&large).0);
    assert_eq!(status(world.put(&world.customer, &large).await), 413);
    world.change(|job| job.spec = BlobHash::of(&world.spec).0);
    world.put(&world.customer, &world.spec).await.unwrap();

    // an input of another size than the spec says
    let blob = BlobHash::of(&world.input);
    let signed = world.signed(blob);
    let answer = reqwest::Client::new()
        .put(format!("{}/blobs/{blob}", world.client.url()))
        .header("authorization", signed.to_header())
        .body("short")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);

    // an input above the market's limit
    let limit = |limit| {
        let mut accounts = world.chain.0.lock().unwrap();
        accounts.markets.get_mut(&MARKET).unwrap().blob_limit = limit;
    };
    limit(world.input.len() as u64 - 1);
    assert_eq!(status(world.put(&world.customer, &world.input).await), 413);
    limit(BLOB_LIMIT);
    world.accepted().await;

    // outputs of one key together: output limit and a receipt
    let most = (OUTPUT_LIMIT + MOST_RECEIPT_BYTES) as usize;
    assert_eq!(
        status(world.put(&world.worker, &vec![1; most + 1]).await),
        413
    );
    world.put(&world.worker, &vec![1; most - 10]).await.unwrap();
    assert_eq!(status(world.put(&world.worker, &[2; 11]).await), 413);
    world.put(&world.worker, &[2; 10]).await.unwrap();
    assert_eq!(status(world.put(&world.worker, b"!").await), 413);
    // another attempt counts anew
    world.change(|job| job.attempt = 1);
    world.put(&world.worker, b"!").await.unwrap();
}

#[tokio::test]
async fn a_body_that_goes_on_beyond_its_length_or_stops_before_is_not_stored() {
    let world = World::new().await;
    let blob = BlobHash::of(&world.spec);
    let signed = world.signed(blob);
    // no length at all: refused before a byte is taken
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(world.spec.clone())]);
    let answer = reqwest::Client::new()
        .put(format!("{}/blobs/{blob}", world.client.url()))
        .header("authorization", signed.to_header())
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::LENGTH_REQUIRED);
    // less than announced
    let mut socket = TcpStream::connect(world.client.url().trim_start_matches("http://"))
        .await
        .unwrap();
    let head = format!(
        "PUT /blobs/{blob} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
        signed.to_header(),
        world.spec.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&world.spec[..10]).await.unwrap();
    drop(socket);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!world.is_stored(&world.spec).await);
    // the rest goes on from there
    world.put(&world.customer, &world.spec).await.unwrap();
    assert!(world.is_stored(&world.spec).await);
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_stopped() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    // Every connection breaks after a third of the blob: whoever began anew each time would use up all the breaks.
    let third = world.input.len() as u64 / 3 + 10_000;
    *world.breaks.0.lock().unwrap() = vec![(third, u64::MAX); 20];
    let retry = Retry {
        tries: 4,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(50),
        ..Retry::default()
    };
    let client = GatewayClient::new(world.client.url())
        .unwrap()
        .with_retry(retry);
    let writer = Writer {
        signer: &world.customer,
        job: JOB,
        attempt: 0,
    };
    let source = Source::from(world.input.clone());
    let blob = client.put(&writer, source).await.unwrap();
    let left = std::mem::take(&mut *world.breaks.0.lock().unwrap()).len();
    assert!((12..=18).contains(&left), "{left}");
    assert_eq!(
        world.client.get(blob, BLOB_LIMIT).await.unwrap(),
        world.input
    );
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_stopped() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    let blob = world.put(&world.customer, &world.input).await.unwrap();
    let third = world.input.len() as u64 / 3 + 10_000;
    *world.breaks.0.lock().unwrap() = vec![(u64::MAX, third); 20];
    let retry = Retry {
        tries: 2,
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(10),
        ..Retry::default()
    };
    let client = GatewayClient::new(world.client.url())
        .unwrap()
        .with_retry(retry);
    let to = world.folder.path().join("down");
    client.fetch(blob, BLOB_LIMIT, &to).await.unwrap();
    let left = std::mem::take(&mut *world.breaks.0.lock().unwrap()).len();
    assert!((12..=18).contains(&left), "{left}");
    assert_eq!(std::fs::read(to).unwrap(), world.input);
}

#[tokio::test]
async fn an_attestation_needs_its_seats_own_valid_signature_and_nothing_else() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    let at = (&JOB, 0);
    assert_eq!(world.client.attestation(at.0, at.1, 0).await.unwrap(), None);

    let good = world.sign(0, Verdict::Match, receipt);
    let other_key = Attestation {
        signature: world.sign(1, Verdict::Match, receipt).signature,
        ..good
    };
    let other_verdict = Attestation { verdict: 2, ..good };
    let other_result = world.sign(0, Verdict::Match, b"another receipt");
    for wrong in [&other_key, &other_verdict, &other_result] {
        assert_eq!(status(world.attest(0, wrong).await), 403);
    }
    // a seat's signature at another seat, and at one where nobody sits
    assert_eq!(status(world.attest(1, &good).await), 403);
    assert_eq!(status(world.attest(31, &good).await), 403);
    assert_eq!(status(world.attest(200, &good).await), 403);
    assert_eq!(world.client.attestation(at.0, at.1, 0).await.unwrap(), None);

    world.attest(0, &good).await.unwrap();
    world.attest(0, &good).await.unwrap();
    assert_eq!(
        world.client.attestation(at.0, at.1, 0).await.unwrap(),
        Some(good)
    );
    // not drawn now, but eligible, so it serves if the job escalates
    let undrawn = world.sign(3, Verdict::Mismatch, receipt);
    world.attest(3, &undrawn).await.unwrap();
    // raw bytes of another length
    for length in [0, 64, 66, 1_000] {
        let answer = reqwest::Client::new()
            .put(format!("{}/attest/{JOB}/0/1", world.client.url()))
            .body(vec![1; length])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{length}");
    }
}

#[tokio::test]
async fn a_seat_signs_once_and_may_only_move_from_unrunnable() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    let unrunnable = world.sign(0, Verdict::Unrunnable, receipt);
    let matches = world.sign(0, Verdict::Match, receipt);
    let mismatch = world.sign(0, Verdict::Mismatch, receipt);
    world.attest(0, &unrunnable).await.unwrap();
    world.attest(0, &matches).await.unwrap();
    for later in [&mismatch, &unrunnable] {
        assert_eq!(status(world.attest(0, later).await), 409);
    }
    assert_eq!(
        world.client.attestation(&JOB, 0, 0).await.unwrap(),
        Some(matches)
    );
}

#[tokio::test]
async fn attestations_are_taken_while_sealed_or_challenged_and_by_who_served_then() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    let good = world.sign(0, Verdict::Match, receipt);
    for state in [
        JobState::Open,
        JobState::Accepted,
        JobState::Submitted,
        JobState::Attested,
        JobState::Settled,
    ] {
        world.change(|job| job.state = state as u8);
        assert_eq!(status(world.attest(0, &good).await), 409, "{state:?}");
    }
    world.change(|job| job.state = JobState::Challenged as u8);
    let seat = |change: &dyn Fn(&mut Seat)| {
        let mut accounts = world.chain.0.lock().unwrap();
        change(&mut accounts.committees.get_mut(&COMMITTEE).unwrap().seats[0]);
    };
    seat(&|s| s.left_at = SUBMITTED_AT);
    assert_eq!(status(world.attest(0, &good).await), 403);
    seat(&|s| s.left_at = SUBMITTED_AT + 1);
    seat(&|s| s.active_from = SUBMITTED_AT + 1);
    assert_eq!(status(world.attest(0, &good).await), 403);
    seat(&|s| s.active_from = SUBMITTED_AT);
    world.attest(0, &good).await.unwrap();
}

#[tokio::test]
async fn a_match_is_taken_only_with_its_receipt_or_after_the_reveal() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    // what is committed to is not what is stored
    let other = b"withheld";
    world.change(|job| job.result = commitment(&BlobHash::of(other).0, 7, &JOB, 0, &NODE));
    let signed = world.sign(0, Verdict::Match, other);
    assert_eq!(status(world.attest(0, &signed).await), 409);
    // the oracle puts what the worker withholds
    world.put(&world.attesters[0], other).await.unwrap();
    world.attest(0, &signed).await.unwrap();
    // revealed, the chain itself says it
    world.change(|job| {
        job.result = BlobHash::of(b"revealed").0;
        job.flags |= flag::REVEALED;
    });
    let signed = world.sign(1, Verdict::Match, b"revealed");
    world.attest(1, &signed).await.unwrap();
}

#[tokio::test]
async fn blobs_of_a_cancelled_job_go_at_once_but_for_those_that_others_have() {
    let world = World::new().await;
    world.accepted().await;
    let mut other = world.job();
    other.state = JobState::Open as u8;
    world.chain.0.lock().unwrap().jobs.insert(OTHER_JOB, other);
    let writer = Writer {
        signer: &world.customer,
        job: OTHER_JOB,
        attempt: 0,
    };
    for bytes in [&world.spec, &world.module] {
        world.client.put(&writer, bytes.clone()).await.unwrap();
    }
    assert_eq!(world.gateway.sweep(0).await.unwrap(), Swept::default());
    world.change(|job| job.state = JobState::Cancelled as u8);
    assert_eq!(
        world.gateway.sweep(0).await.unwrap(),
        Swept { jobs: 1, blobs: 1 }
    );
    assert!(!world.is_stored(&world.input).await);
    assert!(world.is_stored(&world.spec).await);
    assert!(world.is_stored(&world.module).await);
    assert_eq!(world.gateway.sweep(0).await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_no_other_from_being_swept() {
    let world = World::new().await;
    world.accepted().await;
    let other = world.job();
    world.chain.0.lock().unwrap().jobs.insert(OTHER_JOB, other);
    let writer = Writer {
        signer: &world.customer,
        job: OTHER_JOB,
        attempt: 0,
    };
    let spec = world.spec.clone();
    world.client.put(&writer, spec).await.unwrap();
    {
        let mut accounts = world.chain.0.lock().unwrap();
        // the first that is asked for
        accounts.unreadable = Some(JOB);
        accounts.jobs.get_mut(&OTHER_JOB).unwrap().state = JobState::Cancelled as u8;
    }
    let error = world.gateway.sweep(0).await.unwrap_err();
    assert!(error.to_string().contains("another layout"), "{error}");
    let left = async |job| world.store.list(&format!("index/{job}")).await.unwrap();
    assert_eq!(left(OTHER_JOB).await, Vec::<String>::new());
    assert_eq!(left(JOB).await.len(), 3);
}

#[tokio::test]
async fn blobs_and_attestations_stay_a_week_after_the_account_was_closed() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    world
        .attest(0, &world.sign(0, Verdict::Match, receipt))
        .await
        .unwrap();
    let job = world.chain.0.lock().unwrap().jobs.remove(&JOB).unwrap();
    let week = RETENTION_SECONDS;
    assert_eq!(world.gateway.sweep(1_000).await.unwrap(), Swept::default());
    // a server that was behind: the count starts anew
    world.chain.0.lock().unwrap().jobs.insert(JOB, job);
    world.gateway.sweep(2_000).await.unwrap();
    world.chain.0.lock().unwrap().jobs.remove(&JOB);
    world.gateway.sweep(3_000).await.unwrap();
    let swept = world.gateway.sweep(1_000 + week).await.unwrap();
    assert_eq!(swept, Swept::default());
    assert!(world.is_stored(receipt).await);

    // the count outlives the process
    let uploads = world.folder.path().join("uploads-2");
    let config = Config::new(world.client.url(), world.store.clone(), uploads);
    let again = Gateway::open(config, world.chain.clone()).await.unwrap();
    let swept = again.sweep(3_000 + week - 1).await.unwrap();
    assert_eq!(swept, Swept::default());
    let swept = again.sweep(3_000 + week).await.unwrap();
    assert_eq!(swept, Swept { jobs: 1, blobs: 4 });
    assert!(!world.is_stored(receipt).await);
    assert_eq!(world.client.attestation(&JOB, 0, 0).await.unwrap(), None);
    for below in ["blobs", "attest", "index"] {
        assert_eq!(world.store.list(below).await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_gateway_stops_when_it_is_told_to() {
    let world = World::new().await;
    world.put(&world.customer, &world.spec).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(world.gateway.clone().serve(listener, stop.clone()));
    TcpStream::connect(at).await.unwrap();
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await;
    ended.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(at).await.is_err());
}
