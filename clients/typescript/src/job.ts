import { getAddressEncoder, getProgramDerivedAddress, getU64Encoder, type Address, type ProgramDerivedAddress } from '@solana/kit';
import type { Ledger } from './generated/jobs/accounts/ledger.ts';
import { LODE_JOBS_PROGRAM_ADDRESS } from './generated/jobs/programs/index.ts';

/** The address of a customer's job: seeds "job", his ledger, the nonce. */
export function findJobPda(ledger: Address, nonce: bigint): Promise<ProgramDerivedAddress> {
    return getProgramDerivedAddress({
        programAddress: LODE_JOBS_PROGRAM_ADDRESS,
        seeds: ['job', getAddressEncoder().encode(ledger), getU64Encoder().encode(nonce)],
    });
}

/**
 * The first nonce above all that a ledger has taken whose job has bump 255: every further try of a bump would cost the
 * program compute units. The program takes nonces up to 64 above the highest.
 */
export async function nextNonce(ledger: Address, account: Pick<Ledger, 'nonceTop'>): Promise<bigint> {
    for (let nonce = account.nonceTop + 1n; nonce <= account.nonceTop + 64n; nonce++) {
        const [, bump] = await findJobPda(ledger, nonce);
        if (bump === 255) return nonce;
    }
    throw new Error('no nonce of the next 64 has bump 255: try one of them all the same, it costs a little more');
}
