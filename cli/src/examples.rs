//! An example for every command: part of its help, and tested to be one that the command takes.

/// The command's path, what the example does (nothing where it goes on from the one before), and the example. Words in
/// capitals stand for what the reader has.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("network plan", "What a plan would make or change; nothing is sent", "lode network plan migrations/devnet.toml"),
    ("network apply", "Make the plan of a test network true, with two founders of its committee", "lode -u devnet network apply migrations/devnet.toml --founder ADDRESS --founder ADDRESS"),
    ("network apply", "For a multisig to sign, a file for each transaction", "lode network apply migrations/mainnet.toml --authority ADDRESS --unsigned to-sign"),
    ("network show", "The network of the Solana CLI's config file", "lode network show"),
    ("network show", "Whether the deployed programs are those that were built here", "lode network show --verify target/deploy"),
    ("network forward", "Let a local network's next epoch begin", "lode -u localhost network forward epoch"),
    ("network set", "Show what a change would do, then make it", "lode network set --unbonding-days 21 --dry-run"),
    ("network set", "", "lode network set --unbonding-days 21"),
    ("network handover", "Offer an office to another key, who accepts it with `lode network accept`", "lode network handover jobs ADDRESS"),
    ("network handover", "Take the offer back", "lode network handover jobs nobody"),
    ("network accept", "Accept an office with the key it was offered to", "lode -k new-governor.json network accept jobs"),
    ("network pause", "Stop new nodes and new stake for seven days", "lode -k guardian.json network pause staking"),
    ("node register", "On the machine itself, which is checked first", "lode node register --worker worker.json --memory-mib 4096"),
    ("node register", "A machine elsewhere, by the address of its key", "lode node register --worker ADDRESS --cores 8 --class server --region DE"),
    ("node stake", "Stake on the wallet's own node", "lode node stake 1000"),
    ("node show", "The wallet's only node", "lode node show"),
    ("node update", "The machine has moved to France", "lode node update --region FR"),
    ("node list", "Those that a job for phones and desktops in Germany could find", "lode node list --class phone,desktop --region DE"),
    ("node list", "Nodes of one owner", "lode node list --owner ADDRESS"),
    ("node run", "Take jobs with the machine's key, and answer for health and metrics", "lode node run --worker worker.json --folder lode-node --metrics 9900"),
    ("node run", "On a phone, by night, with somebody else's SOL", "lode node run --worker worker.json --when charging --hours 22-6 --fee-payer payer.json"),
    ("node run", "Have a command run for each job, payment and slash", "lode node run --worker worker.json --on-event ./tell-me.sh --low-account 500"),
    ("node drain", "Before an update: take no more jobs, wait, and have the agent end", "lode node drain --stop"),
    ("node drain", "Take jobs again", "lode node drain --resume"),
    ("node key", "What customers seal private jobs for; the owner publishes it", "lode node key --folder lode-node"),
    ("node doctor", "Everything but the test of the runtime, which takes a minute", "lode node doctor --worker worker.json --quick"),
    ("node status", "", "lode node status --folder lode-node"),
    ("node commission", "Show it", "lode node commission"),
    ("node commission", "Sign with a key that pays nothing; --signer takes what this prints", "lode -k owner.json --fee-payer ADDRESS --nonce ADDRESS --sign-only node commission 5"),
    ("node commission", "Set it to 5 per cent", "lode node commission 5"),
    ("node payout", "Have rewards, commission and emission paid to another token account of the owner", "lode node payout ADDRESS"),
    ("node worker", "A new key for the machine", "lode node worker new-worker.json"),
    ("node unjail", "When its time is up", "lode node unjail"),
    ("node migrate", "After an upgrade: every node at once, by whoever pays the fees", "lode node migrate --all"),
    ("node exit", "Look at what it does, then do it; there is no way back", "lode node exit --dry-run"),
    ("node exit", "", "lode node exit --yes"),
    ("node close", "After `lode node exit`, and again when the last ticket is due", "lode node close --yes"),
    ("stake delegate", "Put 1000 tokens on a node", "lode stake delegate 1000 --node ADDRESS"),
    ("stake unstake", "Take everything off the only node that has stake of this wallet", "lode stake unstake all"),
    ("stake restake", "Make the only ticket earn again", "lode stake restake"),
    ("stake withdraw", "Pay every ticket that is due", "lode stake withdraw"),
    ("stake withdraw", "To another token account, where the wallet's own was taken away", "lode stake withdraw --to ADDRESS"),
    ("stake show", "Somebody else's", "lode stake show --of ADDRESS"),
    ("rewards show", "The wallet's own", "lode rewards show"),
    ("rewards claim", "Everything, on every node", "lode rewards claim --all"),
    ("rewards claim", "For another wallet, to which it is paid", "lode rewards claim --all --of ADDRESS"),
    ("rewards report", "A year for the books", "lode rewards report --year 2026 > rewards-2026.csv"),
    ("epoch list", "As JSON", "lode epoch list --output json"),
    ("epoch show", "The epoch that runs", "lode epoch show"),
    ("epoch record", "All nodes, in the epoch after", "lode epoch record"),
    ("epoch finalize", "Whatever can be made final now", "lode epoch finalize"),
    ("epoch claim", "For one node only", "lode epoch claim --node ADDRESS"),
    ("epoch close", "Whatever is over", "lode epoch close"),
    ("stats concentration", "As JSON", "lode stats concentration --output json"),
    ("market create", "With terms like the section [market] of migrations/localnet.toml", "lode market create market.toml"),
    ("market show", "The only market there is", "lode market show"),
    ("market list", "Those paid in one mint", "lode market list --mint ADDRESS"),
    ("market open-entry", "Take new jobs again", "lode market open-entry ADDRESS"),
    ("market close-entry", "Take no new jobs; what runs is not touched", "lode market close-entry ADDRESS"),
    ("market fees", "What is owed onward", "lode market fees"),
    ("market fees", "Move it on; anyone may", "lode market fees --sweep"),
    ("account open", "A node's, whose jobs may lock 500 tokens in all", "lode account open --node ADDRESS --locked-cap 500"),
    ("account deposit", "Look at what it does, then pay in", "lode account deposit 12.5 --dry-run"),
    ("account deposit", "", "lode account deposit 12.5"),
    ("account withdraw", "Everything that no job has locked", "lode account withdraw all"),
    ("account cap", "Let a node's jobs lock 250 tokens in all, whatever it was before", "lode account cap 250 --node ADDRESS"),
    ("account close", "When it holds nothing any more", "lode account close"),
    ("account statement", "A year, from an index", "lode account statement --year 2026 --index history.db > statement.csv"),
    ("account show", "The wallet's, and those of its nodes, in every market", "lode account show --all"),
    ("oracle create-committee", "With terms like the section [committee] of migrations/localnet.toml", "lode oracle create-committee committee.toml --founder ADDRESS"),
    ("oracle join", "With the least bond", "lode oracle join --attester attester.json"),
    ("oracle run", "With a wallet that brings signatures and collects what the seat earns", "lode oracle run --attester attester.json --pay-with payer.json"),
    ("oracle show", "All committees", "lode oracle show --all"),
    ("oracle attester", "A new key for the machine; start the agent anew with it", "lode oracle attester new-attester.json"),
    ("oracle bond", "Add to the bond", "lode oracle bond 500"),
    ("oracle admit", "With the key of the committee's governor", "lode -k governor.json oracle admit ADDRESS"),
    ("oracle retire", "With the key of the committee's governor; the oracle serves 14 days more", "lode -k governor.json oracle retire ADDRESS"),
    ("oracle leave", "Look at what it does, then do it; keep the agent going for eight days", "lode oracle leave --dry-run"),
    ("oracle leave", "", "lode oracle leave --yes"),
    ("oracle withdraw", "14 days after leaving", "lode oracle withdraw"),
    ("oracle withdraw", "For an owner who lost his key, to whom it is paid", "lode oracle withdraw --of ADDRESS"),
    ("oracle duties", "What asks the wallet's seat now", "lode oracle duties"),
    ("oracle credits", "Collect, and turn credits into money", "lode oracle credits --redeem"),
    ("job run", "A picture, from posting to the file", "lode job run examples/workloads/picture.wasm --price 1000 --save-to picture"),
    ("job estimate", "What it takes; needs no network", "lode job estimate examples/workloads/picture.wasm"),
    ("job estimate", "What it costs in each market, fees compared with the work", "lode job estimate examples/workloads/picture.wasm --price 1000 --tokens-per-sol 500"),
    ("job map", "A thumbnail of each photo in a folder, in thumbs/out; after a crash, the same command goes on", "lode job map images.wasm photographs --price 1000 --save-to thumbs -- --width 160 {}"),
    ("job map", "A line for each seed, in order in sums/stdout, and one job over all lines, in sums/reduced", "lode job map sums.wasm --lines seeds.txt --price 1000 --save-to sums --reduce sums.wasm -- {}"),
    ("job post", "Sealed for one node and those who check it", "lode job post sums.wasm --price 1000 --private ADDRESS"),
    ("job post", "Only for servers outside of two countries", "lode job post sums.wasm --price 1000 --class server --not-region US,CN"),
    ("job post", "With an input, and wait", "lode job post word-stats.wasm --price 1000 -i book.txt --wait --output-dir out -- /in/book.txt"),
    ("job upload", "The store lost them: the same arguments as for posting", "lode job upload JOB word-stats.wasm -i book.txt -- /in/book.txt"),
    ("job list", "Open jobs that take a node, by what it declares", "lode job list --for ADDRESS"),
    ("job list", "Everybody's open jobs, 20 at most", "lode job list --all --state open --limit 20"),
    ("job show", "As JSON", "lode job show JOB --output json"),
    ("job history", "All jobs of a wallet, from an index, as CSV", "lode job history --customer ADDRESS --index history.db --format csv"),
    ("job watch", "For ten minutes at most", "lode job watch JOB --timeout 600"),
    ("job result", "Everything that it wrote", "lode job result JOB --save-to out"),
    ("job receipt", "Check the result, and keep its receipt", "lode job receipt JOB --save-to receipt.json"),
    ("job forget", "Its account is closed", "lode job forget JOB --market ADDRESS --yes"),
    ("job cancel", "While it is open", "lode job cancel JOB"),
    ("job raise", "Pay for up to 5000 units", "lode job raise JOB --units-limit 5000"),
    ("job approve", "Pay now", "lode job approve JOB"),
    ("job challenge", "Run it here, say what it costs and may bring, and ask", "lode job challenge JOB"),
    ("job bids", "All open jobs of auctions", "lode job bids"),
    ("job award", "When the bidding is over", "lode job award JOB"),
    ("gateway run", "Behind a reverse proxy that speaks TLS", "lode gateway run --listen 127.0.0.1:8800 --public-url https://store.example --store blobs"),
    ("gateway run", "In a bucket, with another gateway to fetch from what is lost", "lode gateway run --store s3://blobs/lode --from https://other.example --metrics 9900"),
    ("gateway mirror", "A second copy of the only market there is", "lode gateway mirror --public-url https://mirror.example --store mirror"),
    ("runtime verify", "Is this machine fit to work?", "lode runtime verify"),
    ("crank run", "Only steps that a job pays for", "lode crank run --only-paid"),
    ("crank run", "What is due now, from a timer", "lode crank run --once"),
    ("watch run", "A tenth of all results of more than 10 tokens, with bonds of 500 tokens at most", "lode watch run --budget 500 --fraction 10 --least-escrow 10"),
    ("index run", "Catch up, and end", "lode index run --index history.db --once"),
    ("index status", "How far it is", "lode index status --index history.db"),
    ("top", "One frame as JSON", "lode top --once --output json"),
    ("localnet", "A whole network with two nodes, anew at each start", "lode localnet --nodes 2"),
    ("localnet", "Only the chain, kept for the next start", "lode localnet --bare --keep"),
    ("address add", "Call an address `treasury` from now on", "lode address add treasury ADDRESS"),
    ("address list", "The names", "lode address list"),
    ("address remove", "Forget a name", "lode address remove treasury"),
    ("schema", "The answer of one command", "lode schema market list"),
    ("schema", "All answers", "lode schema > lode-answers.json"),
    ("completions", "For bash, in every new shell", "lode completions bash > ~/.local/share/bash-completion/completions/lode"),
    ("man", "A page for each command", "lode man ~/.local/share/man/man1"),
];

/// The examples of a command, as its help ends.
pub fn help_of(path: &str) -> Option<String> {
    let mut help = String::new();
    for (_, what, example) in EXAMPLES.iter().filter(|(of, ..)| *of == path) {
        if help.is_empty() {
            help.push_str("Examples:");
        }
        if !what.is_empty() {
            help.push_str("\n  ");
            help.push_str(what);
            help.push(':');
        }
        help.push_str("\n    ");
        help.push_str(example);
    }
    (!help.is_empty()).then_some(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documented, tree};

    #[test]
    fn every_command_has_an_example_and_every_example_is_of_one() {
        let leaves: Vec<String> = tree::leaves().into_iter().map(|(path, _)| path).collect();
        for path in &leaves {
            assert!(help_of(path).is_some(), "`lode {path}` has no example");
        }
        for (path, _, example) in EXAMPLES {
            assert!(
                leaves.iter().any(|leaf| leaf == path),
                "there is no `lode {path}`"
            );
            let words: Vec<&str> = example.split_whitespace().collect();
            // options that stand before the command belong to every command
            let rest = words.iter().position(|word| path.starts_with(word));
            let begins = words[rest.unwrap_or_default()..].join(" ");
            assert!(begins.starts_with(path), "{path}: {example}");
        }
    }

    #[test]
    fn every_example_is_taken() {
        for (_, _, example) in EXAMPLES {
            documented::require_taken(example, "examples");
        }
    }

    #[test]
    fn no_example_is_wider_than_the_help() {
        for (_, what, example) in EXAMPLES {
            assert!(example.len() <= 94 && what.len() <= 96, "{what}{example}");
        }
    }
}
