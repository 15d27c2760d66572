import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The certificates of {@link issueCertificates}. `self` is signed by itself, the others by one authority. */
export type CertificateName = 'good' | 'expired' | 'future' | 'wrong' | 'self';

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
const AUTHORITY = `[ca]
default_ca=d
[d]
database=index.txt
new_certs_dir=.
serial=serial
default_md=sha256
policy=p
unique_subject=no
[p]
commonName=supplied
`;

export const hasOpenssl = runs('openssl', ['version']);

/** Issues certificates for 127.0.0.1 with openssl, into `folder`. */
export function issueCertificates(folder: string): void {
  const openssl = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const files = {
    'ca.cnf': AUTHORITY,
    'index.txt': '',
    serial: '1000',
    names: NAMES,
    others: 'subjectAltName=DNS:other.example,DNS:*.apps.example,IP:192.0.2.1',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  openssl(`req -x509 ${NEW_KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=oa-test-authority`);
  openssl(`req -x509 ${NEW_KEY} -keyout self.key -out self.pem -days 2 -subj /CN=self -addext ${NAMES}`);
  const issue = (name: CertificateName, extensions: string, validity: string): void => {
    openssl(`req ${NEW_KEY} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    const authority = '-batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key';
    openssl(`ca ${authority} -in ${name}.csr -out ${name}.pem -extfile ${extensions} ${validity}`);
  };
  issue('good', 'names', '-days 2');
  issue('wrong', 'others', '-days 2');
  issue('expired', 'names', '-startdate 20200101000000Z -enddate 20210101000000Z');
  issue('future', 'names', '-startdate 20890101000000Z -enddate 20900101000000Z');
}

export function readCertificate(folder: string, name: CertificateName): { key: Buffer; cert: Buffer } {
  return { key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`)) };
}

/** The file of the authority, for `NODE_EXTRA_CA_CERTS`. */
export function caFile(folder: string): string {
  return join(folder, 'ca.pem');
}

function runs(command: string, flags: string[]): boolean {
  try {
    execFileSync(command, flags, { stdio: 'pipe' });
    return true;
  } catch {
    // Not installed.
    return false;
  }
}
