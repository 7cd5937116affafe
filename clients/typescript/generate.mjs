// Writes src/generated/ from ../../idl/*.json. Run by `npm run generate`; `cargo xtask idl` makes the descriptions.
import { readFileSync } from 'node:fs';
import { createFromRoot } from 'codama';
import { rootNodeFromAnchor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';

const PROGRAMS = ['staking', 'oracle', 'jobs', 'emissions'];
const here = (path) => new URL(path, import.meta.url);

/** Codama takes no alias for a type and knows no machine-dependent size: aliases are replaced by what they stand for. */
function simplified(idl) {
    const aliases = new Map(
        idl.types.filter((type) => type.type.kind === 'type').map((type) => [type.name, type.type.alias]),
    );
    const replace = (value) => {
        if (value === 'usize') return 'u64';
        if (Array.isArray(value)) return value.map(replace);
        if (value === null || typeof value !== 'object') return value;
        const alias = aliases.get(value.defined?.name);
        if (alias) return replace(alias);
        if (value.vec === 'u8') return 'bytes';
        return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replace(part)]));
    };
    return replace({ ...idl, types: idl.types.filter((type) => type.type.kind !== 'type') });
}

for (const program of PROGRAMS) {
    const idl = JSON.parse(readFileSync(here(`../../idl/lode_${program}.json`), 'utf8'));
    const codama = createFromRoot(rootNodeFromAnchor(simplified(idl)));
    await codama.accept(
        renderVisitor(here(`src/generated/${program}`).pathname, {
            generatedFolder: '.',
            deleteFolderBeforeRendering: true,
            syncPackageJson: false,
        }),
    );
    console.log(`src/generated/${program}`);
}
