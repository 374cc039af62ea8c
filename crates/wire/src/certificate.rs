//! Signatures that were made with the key of a certificate (X.509).
//!
//! **Invariant:** what can't be verified for any reason is refused. Issuer and dates of a certificate are not checked here:
//! whoever reads one answers for where it came from.

use contract::Fault;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id, pem::PemObject as _,
};
use webpki::EndEntityCert;

/// A digest that is signed with RSA (PKCS #1 1.5, keys of 2048 bits and more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// Weak against collisions; some still sign with it.
    Sha1,
    /// The usual one.
    Sha256,
}

impl Digest {
    fn parameters(self) -> &'static RsaParameters {
        match self {
            Self::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

impl SignatureVerificationAlgorithm for Digest {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = UnparsedPublicKey::new(self.parameters(), public_key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self {
            // sha1WithRSAEncryption, 1.2.840.113549.1.1.5 (RFC 3279).
            Self::Sha1 => AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"),
            Self::Sha256 => alg_id::RSA_PKCS1_SHA256,
        }
    }
}

/// A certificate whose key verifies signatures.
#[derive(Clone, Debug)]
pub struct Certificate(CertificateDer<'static>);

impl Certificate {
    /// Reads the first certificate of a text in PEM.
    ///
    /// # Errors
    /// `C0312` when there is none.
    pub fn read(pem: &[u8]) -> Result<Self, Fault> {
        let fault = |why: &str| Fault::protocol("C0312", format!("the certificate can't be read: {why}"));
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|error| fault(&error.to_string()))?;
        EndEntityCert::try_from(&certificate).map_err(|error| fault(&error.to_string()))?;
        Ok(Self(certificate))
    }

    /// Whether the certificate's key has signed this content.
    pub fn has_signed(&self, digest: Digest, content: &[u8], signature: &[u8]) -> bool {
        let certificate = EndEntityCert::try_from(&self.0);
        certificate.is_ok_and(|certificate| certificate.verify_signature(&digest, content, signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;
    use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};

    use super::*;

    const PEM: &[u8] = include_bytes!("../../../fixtures/sns-certificate.pem");

    fn signed(content: &[u8]) -> Vec<u8> {
        let pair = KeyPair::from_pkcs8(include_bytes!("../../../fixtures/push-key.pk8")).unwrap();
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content, &mut signature).unwrap();
        signature
    }

    #[test]
    fn only_what_the_key_has_signed_with_this_digest_is_verified() {
        let certificate = Certificate::read(PEM).unwrap();
        let signature = signed(b"content");
        assert!(certificate.has_signed(Digest::Sha256, b"content", &signature));
        assert!(!certificate.has_signed(Digest::Sha1, b"content", &signature));
        assert!(!certificate.has_signed(Digest::Sha256, b"contents", &signature));
        for at in 0..signature.len() {
            let mut altered = signature.clone();
            altered[at] ^= 1;
            assert!(!certificate.has_signed(Digest::Sha256, b"content", &altered), "{at}");
        }
        assert!(!certificate.has_signed(Digest::Sha256, b"content", b""));
    }

    #[test]
    fn what_openssl_signs_with_sha1_is_verified_as_such() {
        // printf content | openssl dgst -sha1 -sign <the key> | base64 -w0
        let signature = STANDARD
            .decode(concat!(
                "n8XqUChGg4TmhPbrffHgOeekhI9mgTFcUt/ZrQr/9myjDrbaXAZPN/jb7PPlB5hco9LDQN2/ew9x3XyQu1OdzxyV//i1ef6piWDE",
                "1d/K+Q4iSupEXFthQHAu/qrvxWnGIWFH1yW5otqpzRiejLht6sYx0UBuAOL1YBtEjCN1tQDDrTIAQtXFHK9JrDpFTuU97hUKF0Ay",
                "Ykh8YlUf2NsLy0S7wQA+ZbOtpQa87IUVYS/i1PwIhYIGD9ORhkMvNF0Dhc8M8bx+pQOpK4J6bdZMcfKXIvE0Fgp3+/1Q2ze5+MHd",
                "yrrCimmdSWwmFY3+rCUmuphorT36gIFGa1Pt7akfYA==",
            ))
            .unwrap();
        let certificate = Certificate::read(PEM).unwrap();
        assert!(certificate.has_signed(Digest::Sha1, b"content", &signature));
        assert!(!certificate.has_signed(Digest::Sha1, b"other", &signature));
        assert!(!certificate.has_signed(Digest::Sha256, b"content", &signature));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let key = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"no PEM", key, broken, &PEM[..PEM.len() / 2]] {
            assert_eq!(Certificate::read(pem).unwrap_err().code, "C0312");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_certificate_or_refused(
            at in 0..PEM.len(), less in 0..8_usize, put in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            drop(Certificate::read(&put));
            let mut altered = PEM.to_vec();
            altered.splice(at..(at + less).min(PEM.len()), put);
            if let Ok(certificate) = Certificate::read(&altered) {
                for digest in [Digest::Sha1, Digest::Sha256] {
                    prop_assert!(!certificate.has_signed(digest, b"content", b"no signature"));
                }
            }
        }
    }
}
