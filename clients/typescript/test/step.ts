// One step of a customer, for the test of `crates/localnet` that drives it: `node --import tsx test/step.ts JSON`.
import {
    address,
    appendTransactionMessageInstructions,
    assertAccountExists,
    createKeyPairSignerFromBytes,
    createSolanaRpc,
    createTransactionMessage,
    fetchEncodedAccounts,
    getBase64EncodedWireTransaction,
    getSignatureFromTransaction,
    pipe,
    setTransactionMessageFeePayerSigner,
    setTransactionMessageLifetimeUsingBlockhash,
    signTransactionMessageWithSigners,
    type Address,
    type Codec,
    type Instruction,
    type ReadonlyUint8Array,
} from '@solana/kit';
import { emissions, findJobPda, jobs, nextNonce, oracle, staking } from '../src/index.ts';

/** Reads an account, and writes it again. */
function again<From, To extends From>(codec: Codec<From, To>) {
    return (data: ReadonlyUint8Array) => {
        const read = codec.decode(data);
        return { read, bytes: [...codec.encode(read)] };
    };
}

/** Every type of account, by the program that owns it. */
const kinds = {
    'staking StakingConfig': again(staking.getStakingConfigCodec()),
    'staking Node': again(staking.getNodeCodec()),
    'staking Delegation': again(staking.getDelegationCodec()),
    'staking Unbonding': again(staking.getUnbondingCodec()),
    'oracle Committee': again(oracle.getCommitteeCodec()),
    'oracle Oracle': again(oracle.getOracleCodec()),
    'jobs JobsConfig': again(jobs.getJobsConfigCodec()),
    'jobs Market': again(jobs.getMarketCodec()),
    'jobs Ledger': again(jobs.getLedgerCodec()),
    'jobs Work': again(jobs.getWorkCodec()),
    'jobs Job': again(jobs.getJobCodec()),
    'emissions Schedule': again(emissions.getScheduleCodec()),
    'emissions Epoch': again(emissions.getEpochCodec()),
    'emissions Share': again(emissions.getShareCodec()),
};

type Step = {
    step: 'post' | 'settle' | 'accounts';
    url: string;
    wallet: number[];
    market: Address;
    mint: Address;
    from: Address;
    deposit: string;
    price: string;
    unitsLimit: string;
    spec: number[];
    job: Address;
    accounts: { kind: keyof typeof kinds; address: Address }[];
};

const step: Step = JSON.parse(process.argv[2] ?? '{}');
const rpc = createSolanaRpc(step.url);
const wallet = await createKeyPairSignerFromBytes(new Uint8Array(step.wallet));
const [config] = await jobs.findConfigPda();
const [ledger] = await jobs.findLedgerPda({ market: step.market, party: wallet.address });

/** Signs, sends, and waits until it is confirmed. */
async function send(instructions: Instruction[]): Promise<void> {
    const { value: blockhash } = await rpc.getLatestBlockhash().send();
    const message = pipe(
        createTransactionMessage({ version: 0 }),
        (message) => setTransactionMessageFeePayerSigner(wallet, message),
        (message) => setTransactionMessageLifetimeUsingBlockhash(blockhash, message),
        (message) => appendTransactionMessageInstructions(instructions, message),
    );
    const signed = await signTransactionMessageWithSigners(message);
    const signature = getSignatureFromTransaction(signed);
    await rpc.sendTransaction(getBase64EncodedWireTransaction(signed), { encoding: 'base64' }).send();
    for (let tries = 0; tries < 300; tries++) {
        const { value } = await rpc.getSignatureStatuses([signature]).send();
        if (value[0]?.err) throw new Error(`refused: ${JSON.stringify(value[0].err)}`);
        if (value[0]) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('not confirmed in 30 seconds');
}

/** Opens a ledger, puts money into it, and posts a job. */
async function post(): Promise<unknown> {
    await send([
        await jobs.getOpenLedgerInstructionAsync({ payer: wallet, market: step.market, party: wallet.address }),
        await jobs.getDepositInstructionAsync({
            wallet,
            market: step.market,
            ledger,
            from: step.from,
            mint: step.mint,
            amount: BigInt(step.deposit),
        }),
    ]);
    const { data } = await jobs.fetchLedger(rpc, ledger);
    const nonce = await nextNonce(ledger, data);
    const [job] = await findJobPda(ledger, nonce);
    await send([
        jobs.getPostJobInstruction({
            customer: wallet,
            config,
            market: step.market,
            ledger,
            job,
            nonce,
            spec: new Uint8Array(step.spec),
            price: BigInt(step.price),
            unitsLimit: BigInt(step.unitsLimit),
            target: address('11111111111111111111111111111111'),
            checked: false,
            nodes: {
                classes: 0,
                denies: 0,
                cores: 0,
                memoryMib: 0,
                regions: new Uint8Array(14),
            },
        }),
    ]);
    return { job, ledger };
}

/** Pays a match at once, as its customer may, and says what the job's account held before, read and written again. */
async function settle(): Promise<unknown> {
    const { data: job } = await jobs.fetchJob(rpc, step.job);
    const [nodeLedger] = await jobs.findLedgerPda({ market: job.market, party: job.node });
    const [work] = await jobs.findWorkPda({ node: job.node });
    await send([
        jobs.getSettleJobInstruction({
            signer: wallet,
            config,
            market: job.market,
            job: step.job,
            customer: job.customer,
            ledger: nodeLedger,
            work,
        }),
    ]);
    return {
        units: job.units.toString(),
        submittedAt: job.submittedAt.toString(),
        price: job.price.toString(),
        bytes: [...jobs.getJobEncoder().encode(job)],
    };
}

/** What accounts of each type hold, and their bytes when they are written again. */
async function accounts(): Promise<unknown> {
    const found = await fetchEncodedAccounts(rpc, step.accounts.map(({ address }) => address));
    return step.accounts.map(({ kind }, index) => {
        const account = found[index]!;
        assertAccountExists(account);
        return kinds[kind](account.data);
    });
}

const said = await { post, settle, accounts }[step.step]();
console.log(JSON.stringify(said, (_, value) => (typeof value === 'bigint' ? value.toString() : value)));
