//! A private job with the real binary: who reads it, and that nothing of it is to be found where others look.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{files, Network, LOG, LOGGED, OWNER, WALLET};
use serde_json::Value;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const MARK: &str = "zanzibarlighthouse";

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|part| part == needle)
}

/// What would tell something of the job: its text, and hashes by which a guess could be confirmed, as text and as bytes.
fn needles(told: &[&Value]) -> Vec<Vec<u8>> {
    let mut all = vec![MARK.as_bytes().to_vec()];
    for hash in told {
        let text = hash.as_str().unwrap();
        assert_eq!(text.len(), 64, "{text}");
        all.push(text.as_bytes().to_vec());
        all.push(hex::decode(text).unwrap());
    }
    all
}

async fn accounts(network: &Network) -> Vec<Vec<u8>> {
    let client = network.client();
    let mut all = Vec::new();
    for program in [
        lode_jobs::ID,
        lode_staking::ID,
        lode_oracle::ID,
        lode_emissions::ID,
    ] {
        let found = client.rpc.get_program_accounts(&program).await.unwrap();
        all.extend(found.into_iter().map(|(_, account)| account.data));
    }
    assert!(all.len() > 10);
    all
}

#[test]
fn a_private_job_is_read_by_whom_its_customer_chose_and_by_nobody_else() {
    let network = Network::start(&[LOGGED], &["stranger"]);
    let folder = network.folder.path();
    network.ask(WALLET, &["account", "deposit", "1000"]);
    let nodes = network.ask(OWNER, &["node", "list"]);
    let node = nodes[0]["node"].as_str().unwrap();
    let module = network.copy_module();
    network.file("secret.txt", &format!("{MARK} ").repeat(40));
    let job = ["--input", "secret.txt", "--", "/in/secret.txt"];
    let plain = network.ask(WALLET, &[&["job", "estimate", &module][..], &job].concat());

    let run = [
        "job",
        "run",
        &module,
        "--price",
        "1000",
        "--private",
        node,
        "--save-to",
        "out",
    ];
    let result = network.ask(WALLET, &[&run[..], &job].concat());
    let stdout = std::fs::read_to_string(folder.join("out/stdout")).unwrap();
    assert!(stdout.contains(MARK), "{stdout}");
    assert_eq!(result["stdout"], stdout.as_str());
    let written = std::fs::read_to_string(folder.join("out/out/copy")).unwrap();
    assert_eq!(written, stdout);
    assert_eq!(result["units"], plain["units"]);
    assert_ne!(result["result"], plain["result"]);

    // a panel of three ran it and came to the same
    let at = result["job"].as_str().unwrap();
    let shown = network.ask(WALLET, &["job", "show", at]);
    assert_eq!(shown["state"], "settled");
    assert!(shown["signed_match"].as_u64().unwrap() >= 2, "{shown}");
    let receipt = network.ask(WALLET, &["job", "receipt", at]);
    let inner = &receipt["receipt"];
    assert_eq!(inner["stdout"]["sha256"], plain["stdout"]["sha256"]);
    assert_ne!(inner["spec"], receipt["spec"]);

    // who has every blob, but no key, is told that he cannot read it
    let said = network.refused("stranger", &["job", "result", at]);
    assert!(said.contains("cannot read this job"), "{said}");

    // most nodes do not take what the committee cannot check
    let blind = [
        "job",
        "post",
        &module,
        "--price",
        "1000",
        "--private",
        node,
        "--no-committee",
    ];
    let posted = network.ask(WALLET, &[&blind[..], &job].concat());
    let blind = posted["job"].as_str().unwrap();
    let begun = Instant::now();
    let refused = |log: &[u8]| holds(log, b"cannot open it");
    while !refused(&std::fs::read(folder.join(LOG)).unwrap()) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it was not refused"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    // its files may be put again, sealed as they were
    let again = network.ask(
        WALLET,
        &[&["job", "upload", blind, &module][..], &job].concat(),
    );
    assert_eq!(again["spec"], posted["spec"]);
    assert_eq!(again["state"], "open");
    network.ask(WALLET, &["job", "cancel", blind]);

    // neither the store, nor what agents keep and log, nor a temporary file, nor an account tells of it
    let hash = |blob: &Value| blob["sha256"].clone();
    let module_hash =
        hex::encode(lode_runtime::Blob::of(&std::fs::read(folder.join(&module)).unwrap()).sha256);
    let input = std::fs::read(folder.join("secret.txt")).unwrap();
    let input_hash = hex::encode(lode_runtime::Blob::of(&input).sha256);
    let told = needles(&[
        &inner["spec"],
        &plain["result"],
        &hash(&plain["stdout"]),
        &module_hash.into(),
        &input_hash.into(),
    ]);
    let mine = [folder.join("secret.txt"), folder.join("out")];
    let all = files(folder);
    let theirs: Vec<_> = all
        .iter()
        .filter(|path| !mine.iter().any(|own| path.starts_with(own)))
        .collect();
    let stored = |path: &&&PathBuf| path.starts_with(folder.join(".localnet/gateway/blobs"));
    assert!(theirs.iter().filter(stored).count() > 6);
    assert!(std::fs::metadata(folder.join(LOG)).unwrap().len() > 10_000);
    for path in theirs {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            // swept, or written anew, since it was listed: it holds nothing any more
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        for needle in &told {
            assert!(
                !holds(&bytes, needle),
                "{} holds {}",
                path.display(),
                String::from_utf8_lossy(needle)
            );
        }
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for bytes in runtime.block_on(accounts(&network)) {
        assert!(!told.iter().any(|needle| holds(&bytes, needle)));
    }

    // who takes his key back is sent nothing
    network.ask(OWNER, &["node", "update", "--encryption-key", "none"]);
    let said = network.refused(WALLET, &[&run[..], &job].concat());
    assert!(said.contains("published no encryption key"), "{said}");
    // and who makes another publishes it
    let made = network.ask(
        OWNER,
        &["node", "key", "--folder", ".localnet/nodes/0", "--rotate"],
    );
    assert_eq!(made["keys_in_the_folder"], 2);
    let key = made["encryption_key"].as_str().unwrap();
    let shown = network.ask(OWNER, &["node", "update", "--encryption-key", key]);
    assert_eq!(shown["encryption_key"], key);
    let said = network.refused(OWNER, &["node", "update", "--encryption-key", "00"]);
    assert!(said.contains("is no encryption key"), "{said}");
}
