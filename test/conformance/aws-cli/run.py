"""Goes through AWS KMS's API with clients that share no code with this project: the AWS CLI, boto3 and Python's cryptography.

Starts `keymgmt dev` and holds its answers to cases.json. Fails, and never skips, when a client can't be installed, when
an answer is another one, or when an operation or a documented error of AWS's model is in no case.
"""
import base64, copy, fnmatch, json, os, re, secrets, subprocess, sys, tempfile, time, venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
REGION = 'us-east-1'
BLOBS = ('ImportToken', 'PublicKey', 'EncryptedKeyMaterial', 'Signature', 'Mac', 'CiphertextBlob', 'Message', 'Plaintext',
          'SharedSecretCiphertextBlob')


def install():
    """A throw-away environment with the clients in it; this file runs again in there."""
    with tempfile.TemporaryDirectory(prefix='keymgmt-clients-') as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, 'bin', 'python'))
        subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', str(HERE / 'requirements.txt')], check=True)
        return subprocess.run([python, str(HERE / 'run.py'), folder]).returncode


class Dev:
    """A running `keymgmt dev`."""

    def __init__(self, *flags):
        self.process = subprocess.Popen(['node', str(ROOT / 'bin' / 'keymgmt.js'), 'dev', *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.env = {}
        while len(self.env) < 5:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit('keymgmt dev did not start')
            name, _, value = line.removeprefix('export ').strip().partition('=')
            self.env[name] = value

    def client(self, region=REGION):
        import boto3
        from botocore.config import Config
        return boto3.client('kms', region_name=region, endpoint_url=self.env['AWS_ENDPOINT_URL_KMS'], aws_access_key_id=self.env['AWS_ACCESS_KEY_ID'],
                            aws_secret_access_key=self.env['AWS_SECRET_ACCESS_KEY'],
                            config=Config(retries={'total_max_attempts': 1}, parameter_validation=False))

    def close(self):
        self.process.terminate()
        self.process.wait()


class Boto:
    """Sends by boto3. Blobs are base64 in all that is written here, as they are for the CLI."""
    name = 'boto3'

    def __init__(self, dev):
        self.client = dev.client()

    def send(self, op, body):
        from botocore.exceptions import ClientError
        try:
            answer = getattr(self.client, method(op))(**{name: base64.b64decode(value) if is_blob(name, value) else value for name, value in body.items()})
        except ClientError as error:
            return error.response['Error']['Code'], None
        answer.pop('ResponseMetadata')
        return None, json.loads(json.dumps(answer, default=lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)))


class Cli:
    """Sends by the AWS CLI."""
    name = 'aws'

    def __init__(self, dev, folder):
        self.aws = str(Path(folder, 'bin', 'aws'))
        self.env = {**os.environ, **dev.env, 'AWS_DEFAULT_REGION': REGION, 'AWS_MAX_ATTEMPTS': '1', 'AWS_PAGER': '', 'AWS_EC2_METADATA_DISABLED': 'true'}

    def send(self, op, body):
        # Version 1 of the CLI would encode a blob in --cli-input-json once more, so they go by file.
        blobs = {name: value for name, value in body.items() if is_blob(name, value)}
        plain = {name: value for name, value in body.items() if name not in blobs}
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name, value in blobs.items():
                file = Path(folder, name)
                file.write_bytes(base64.b64decode(value))
                files += ['--' + method(name).replace('_', '-'), f'fileb://{file}']
            command = [self.aws, 'kms', method(op).replace('_', '-'), '--no-paginate', '--output', 'json', '--cli-input-json', json.dumps(plain), *files]
            ran = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if ran.returncode == 0:
            return None, json.loads(ran.stdout or '{}')
        found = re.search(r'An error occurred \((\w+)\) when calling the (\w+) operation', ran.stderr)
        return (found.group(1) if found else ran.stderr.strip() or 'no words'), None


def method(op):
    from botocore import xform_name
    return xform_name(op)


def is_blob(name, value):
    return name in BLOBS and isinstance(value, str)


def make_material(kind):
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    if kind.isdigit():
        return secrets.token_bytes(int(kind)), None
    family, _, size = kind.partition(':')
    key = {'rsa': lambda: rsa.generate_private_key(65537, int(size)), 'ec': lambda: ec.generate_private_key(getattr(ec, size.upper())()),
           'ed25519': ed25519.Ed25519PrivateKey.generate}[family]()
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), key


def wrap(public, material):
    """RSAES_OAEP_SHA_256 for what is short, RSA_AES_KEY_WRAP_SHA_256 for private keys."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    key = load_der_public_key(public)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    if len(material) <= 128:
        return key.encrypt(material, oaep)
    ephemeral = secrets.token_bytes(32)
    return key.encrypt(ephemeral, oaep) + aes_key_wrap_with_padding(ephemeral, material)


class Run:
    """One pass over the cases by one client."""

    def __init__(self, cases, sender, dev):
        self.cases, self.sender, self.client = cases, sender, dev.client()
        self.values, self.keys, self.failed, self.count, self.covered = {}, {}, [], 0, set()

    def check(self, what, right, found):
        self.count += 1
        if not right:
            self.failed.append(f'{self.sender.name}: {what}: {found}')

    def prepare(self):
        for name, row in self.cases['keys'].items():
            KeyId = self.client.create_key(**row['in'])['KeyMetadata']['KeyId']
            self.values[name] = KeyId
            if 'material' in row:
                material, self.keys[name] = make_material(row['material'])
                self.put(KeyId, material)
            for op in row.get('then', []):
                getattr(self.client, method(op))(KeyId=KeyId)
        self.client.create_alias(AliasName='alias/aliased', TargetKeyId=self.values['sym'])
        self.made_material = secrets.token_bytes(32)

    def put(self, KeyId, material):
        algorithm = 'RSAES_OAEP_SHA_256' if len(material) <= 128 else 'RSA_AES_KEY_WRAP_SHA_256'
        given = self.client.get_parameters_for_import(KeyId=KeyId, WrappingAlgorithm=algorithm, WrappingKeySpec='RSA_4096')
        self.client.import_key_material(KeyId=KeyId, ImportToken=given['ImportToken'], EncryptedKeyMaterial=wrap(given['PublicKey'], material), ExpirationModel='KEY_MATERIAL_DOES_NOT_EXPIRE')

    def fill(self, value):
        if isinstance(value, dict):
            return {name: self.fill(item) for name, item in value.items() if item is not None}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str) or not value.startswith('$'):
            return value
        kind, _, rest = value[1:].partition(':')
        if kind == 'b64':
            return base64.b64encode(rest.encode()).decode()
        if kind == 'long':
            return json.dumps({'Statement': [{'Sid': 'a' * int(rest), 'Effect': 'Allow', 'Principal': '*', 'Action': 'kms:*', 'Resource': '*'}]})
        if kind == 'wrap':
            material = self.made_material if rest == 'made' else secrets.token_bytes(32)
            return base64.b64encode(wrap(base64.b64decode(self.values['wrapping']), material)).decode()
        return self.values.get(kind, f"no {kind} was made")

    def operations(self):
        for row in self.cases['operations']:
            # The CLI of this version does not know every operation that boto3 does.
            if row.get('only', self.sender.name) != self.sender.name:
                continue
            error, answer = self.sender.send(row['op'], self.fill(row['in']))
            self.covered.add(row['op'])
            self.check(f"{row['op']} {json.dumps(row['in'])}", error == row.get('error'), error)
            if error:
                self.covered.add((row['op'], error))
                continue
            for path, expected in row.get('out', {}).items():
                self.check(f"{row['op']} answers {path}", lookup(answer, path) == self.fill(expected), lookup(answer, path))
            for name, path in row.get('save', {}).items():
                self.values[name] = lookup(answer, path)
        self.values['freshToken'] = self.values['token']

    def errors(self):
        requests = {row['op']: row['in'] for row in self.cases['operations']}
        for row in self.cases['errors']:
            for op in row['ops'].split():
                # An import token is good once, so each attempt at the import gets its own.
                if '$freshToken' in row['over'].values():
                    self.fresh()
                body = self.fill({**copy.deepcopy(requests[op]), **row['over']})
                error, _ = self.sender.send(op, body)
                self.covered.add((op, error))
                self.check(f"{op} {json.dumps(row['over'])} is {row['error']} ({row['source']})", error == row['error'], error)

    def fresh(self):
        given = self.client.get_parameters_for_import(KeyId=self.values['made'], WrappingAlgorithm='RSAES_OAEP_SHA_256', WrappingKeySpec='RSA_4096')
        self.values['freshToken'] = base64.b64encode(given['ImportToken']).decode()
        self.values['wrapping'] = base64.b64encode(given['PublicKey']).decode()

    def cryptography(self):
        """Every algorithm, its answer checked by another library."""
        from cryptography.hazmat.primitives import hashes, hmac
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        text = b'the quick brown fox'
        for name, key in self.keys.items():
            if key is None or 'then' in self.cases['keys'][name]:
                continue
            public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.check(f'GetPublicKey of {name}', self.client.get_public_key(KeyId=self.values[name])['PublicKey'] == public, 'another key')
        for name in ('rsasign', 'ecc', 'k1', 'p521', 'ed'):
            for algorithm in self.client.get_public_key(KeyId=self.values[name])['SigningAlgorithms']:
                if algorithm == 'ED25519_PH_SHA_512':
                    continue
                digest = {'256': hashes.SHA256, '384': hashes.SHA384, '512': hashes.SHA512}[algorithm[-3:]]()
                for kind in ('RAW', 'DIGEST') if name != 'ed' else ('RAW',):
                    hasher = hashes.Hash(digest)
                    hasher.update(text)
                    message = text if kind == 'RAW' else hasher.finalize()
                    signature = self.client.sign(KeyId=self.values[name], Message=message, MessageType=kind, SigningAlgorithm=algorithm)['Signature']
                    arguments = {'ED2': (), 'ECD': (ec.ECDSA(digest),)}.get(algorithm[:3])
                    if arguments is None:
                        pad = padding.PSS(padding.MGF1(digest), digest.digest_size) if 'PSS' in algorithm else padding.PKCS1v15()
                        arguments = (pad, digest)
                    try:
                        self.keys[name].public_key().verify(signature, text, *arguments)
                        verified = 'right'
                    except Exception as error:
                        verified = type(error).__name__
                    self.check(f'{name} signs by {algorithm}, {kind}', verified == 'right', verified)
        for algorithm, digest in (('RSAES_OAEP_SHA_1', hashes.SHA1()), ('RSAES_OAEP_SHA_256', hashes.SHA256())):
            blob = self.keys['rsa'].public_key().encrypt(text, padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None))
            opened = self.client.decrypt(KeyId=self.values['rsa'], CiphertextBlob=blob, EncryptionAlgorithm=algorithm)['Plaintext']
            self.check(f'Decrypt by {algorithm}', opened == text, opened)
        peer = ec.generate_private_key(ec.SECP384R1())
        secret = self.client.derive_shared_secret(KeyId=self.values['ecdh'], KeyAgreementAlgorithm='ECDH', PublicKey=peer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))['SharedSecret']
        self.check('DeriveSharedSecret', secret == peer.exchange(ec.ECDH(), self.keys['ecdh'].public_key()), 'another secret')


def lookup(answer, path):
    for part in path.split('.'):
        if answer is None:
            return None
        answer = (answer[int(part)] if int(part) < len(answer) else None) if part.isdigit() else answer.get(part)
    return answer


def assert_covered(run, cases):
    """Every operation of AWS's model is in a case, and every error that it documents, or there is a reason why not."""
    model = run.client.meta.service_model
    reasons = cases['uncovered']
    used = set()
    for op in model.operation_names:
        run.check(f'{op} is in a case', op in run.covered, 'no case')
        for shape in model.operation_model(op).error_shapes:
            pair = f'{op}:{shape.name}'
            found = [reason for reason in reasons if fnmatch.fnmatch(pair, reason)]
            used.update(found if (op, shape.name) not in run.covered else [])
            run.check(f'{pair} is in a case, or has a reason not to be', found or (op, shape.name) in run.covered, 'no case')
    for reason in reasons:
        run.check(f'the reason for {reason} is needed', reason in used, 'all is in cases')


def denied(cases, folder):
    """Under a policy that allows nothing, every operation is denied."""
    policy = Path(folder, 'policy.json')
    policy.write_text(json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 's3:*', 'Resource': '*'}]}))
    dev = Dev(f'-policy={policy}')
    try:
        run = Run(cases, Boto(dev), dev)
        for op, body in {'CreateKey': {}, 'ListKeys': {}, 'ListAliases': {}, 'GenerateRandom': {'NumberOfBytes': 1}, 'CreateAlias': {'AliasName': 'alias/x', 'TargetKeyId': '1234abcd-12ab-34cd-56ef-1234567890ab'}}.items():
            error, _ = run.sender.send(op, body)
            run.check(f'{op} is denied', error == 'AccessDeniedException', error)
        return run
    finally:
        dev.close()


def throttled(cases):
    dev = Dev('-quotas=aws')
    try:
        run = Run(cases, Boto(dev), dev)
        # As many as even a slow machine sends in less time than the quota, five a second, allows them.
        with ThreadPoolExecutor(8) as pool:
            errors = list(pool.map(lambda _: run.sender.send('CreateKey', {})[0], range(40)))
        run.check('CreateKey is throttled after five at once', errors.count(None) >= 5 and set(errors) == {None, 'ThrottlingException'}, errors)
        return run
    finally:
        dev.close()


def in_place(cases):
    from in_place import ByHand, ByKeymgmt, rotate_in_place
    dev = Dev()
    try:
        run = Run(cases, Boto(dev), dev)
        rotate_in_place(ByHand(run, dev, wrap))
        with tempfile.TemporaryDirectory() as home:
            rotate_in_place(ByKeymgmt(run, dev, str(ROOT / 'bin' / 'keymgmt.js'), home))
        return run
    finally:
        dev.close()


def regions(cases):
    from regions import Regions, change_regions
    dev = Dev()
    try:
        run = Run(cases, Boto(dev), dev)
        for rotation in ('alias', 'in_place'):
            with tempfile.TemporaryDirectory() as home:
                change_regions(Regions(run, dev, str(ROOT / 'bin' / 'keymgmt.js'), home, rotation))
        return run
    finally:
        dev.close()


def main(folder):
    cases = json.loads((HERE / 'cases.json').read_text())
    started = time.monotonic()

    def whole(make, *, errors):
        dev = Dev()
        try:
            run = Run(cases, make(dev), dev)
            run.prepare()
            run.operations()
            if errors:
                run.errors()
                run.cryptography()
                assert_covered(run, cases)
            return run
        finally:
            dev.close()

    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(whole, Boto, errors=True), pool.submit(whole, lambda dev: Cli(dev, folder), errors=False),
                   pool.submit(denied, cases, folder), pool.submit(throttled, cases), pool.submit(in_place, cases),
                   pool.submit(regions, cases)]
        runs = [item.result() for item in waiting]
    failed = [line for run in runs for line in run.failed]
    for line in failed:
        print(f'✗ {line}')
    by_client = ', '.join(f'{run.count} by {run.sender.name}' for run in runs[:2])
    print(f'{sum(run.count for run in runs)} checks ({by_client}), {len(failed)} failed, in {time.monotonic() - started:.0f} s')
    return 1 if failed else 0


sys.exit(main(sys.argv[1]) if len(sys.argv) > 1 else install())
