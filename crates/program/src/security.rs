//! Whom to tell of a hole: what explorers and researchers read from a deployed program.

/// Puts the program's `security.txt` into its binary: name, project, contacts, policy, in the form that explorers and
/// `query-security-txt` look for anywhere in it.
///
/// Bytes, not the text reference that the `solana-security-txt` crate makes: a reference has to be relocated when a
/// program is loaded, and this version of programs (SBPF v3) is not.
#[macro_export]
macro_rules! security_txt {
    ($program:literal) => {
        #[cfg(not(feature = "no-entrypoint"))]
        const _: () = {
            // The address of the project is a reserved name until it has one of its own.
            const TEXT: &str = concat!(
                "=======BEGIN SECURITY.TXT V1=======\0",
                "name\0",
                $program,
                "\0project_url\0https://lode.example\0",
                "contacts\0link:https://lode.example/security\0",
                "policy\0https://lode.example/security\0",
                "preferred_languages\0en\0",
                "auditors\0None\0",
                "=======END SECURITY.TXT V1=======\0"
            );
            const fn bytes<const N: usize>() -> [u8; N] {
                let text = TEXT.as_bytes();
                let mut bytes = [0; N];
                let mut i = 0;
                while i < N {
                    bytes[i] = text[i];
                    i += 1;
                }
                bytes
            }
            #[used]
            #[no_mangle]
            static SECURITY_TXT: [u8; TEXT.len()] = bytes();
        };
    };
}
