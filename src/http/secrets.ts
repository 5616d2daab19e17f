/**
 * Names under which credentials travel: headers that platforms and vendors document for them, and common names of query
 * parameters. Their values are never kept in clear.
 *
 * Names are compared by their letters and digits: `X-Api-Key`, `x_api_key` and `apiKey` of `apikey` are spellings. Of a name
 * with brackets or dots (`token[]`, `user[password]`, `auth.token`) each part counts.
 *
 * Relies on: nothing. Refuses: to decode what cannot be one of its names; a request may have thousands that cannot.
 */

/** One list for headers and one for parameters; in an allow-list everything else is secret too. */
export interface SecretNames {
  /** `name` as it came: of a parameter percent-encoded, with brackets. */
  has(name: string): boolean;
  /** Whatever is not known is hidden: also a parameter without a name. */
  readonly isAllowList: boolean;
}

/** Longer names are nobody's credential, and a request cannot make us look at all of them. */
const NAME_CHARACTERS_MAX = 128;

const HEADERS = [
  // HTTP, OAuth, sessions
  ...['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'dpop', 'x-token', 'token', 'x-secret'],
  ...[
    'x-api-key',
    'api-key',
    'x-api-token',
    'api-token',
    'x-auth-token',
    'auth-token',
    'x-access-token',
    'access-token',
  ],
  ...['x-id-token', 'x-refresh-token', 'x-session-token', 'x-session-id', 'x-client-secret', 'x-webhook-secret'],
  ...['x-csrf-token', 'x-xsrf-token', 'csrf-token', 'x-jwt-assertion', 'x-jwt', 'x-auth-key', 'x-access-key'],
  // Proxies that hand a login on
  ...['x-forwarded-access-token', 'x-auth-request-access-token', 'x-forwarded-id-token', 'x-forwarded-authorization'],
  // AWS, Azure, Google
  ...['x-amz-security-token', 'x-amzn-oidc-accesstoken', 'x-amzn-oidc-data', 'x-aws-ec2-metadata-token'],
  ...['x-functions-key', 'ocp-apim-subscription-key', 'x-zumo-auth', 'x-ms-authorization-auxiliary', 'aeg-sas-key'],
  ...['x-ms-token-aad-access-token', 'x-ms-token-aad-id-token', 'x-ms-token-aad-refresh-token', 'aeg-sas-token'],
  ...['x-goog-api-key', 'x-goog-iap-jwt-assertion', 'x-goog-iam-authorization-token', 'x-serverless-authorization'],
  ...['x-firebase-appcheck', 'x-firebase-auth'],
  // Edges
  ...['cf-access-jwt-assertion', 'cf-access-client-secret', 'cf-access-token', 'x-auth-user-service-key', 'fastly-key'],
  ...['x-vercel-oidc-token', 'x-vercel-protection-bypass', 'x-vercel-set-bypass-cookie'],
  // Services
  ...[
    'x-vault-token',
    'x-consul-token',
    'x-nomad-token',
    'private-token',
    'job-token',
    'deploy-token',
    'x-gitlab-token',
  ],
  ...['x-shopify-access-token', 'x-shopify-storefront-access-token', 'x-hasura-admin-secret', 'x-figma-token'],
  ...['x-parse-master-key', 'x-parse-rest-api-key', 'x-parse-session-token', 'x-redmine-api-key', 'x-sentry-auth'],
  ...['dd-api-key', 'dd-application-key', 'x-insert-key', 'x-query-key', 'x-license-key', 'x-honeycomb-team'],
  ...['x-plex-token', 'x-emby-token', 'x-rapidapi-key', 'x-algolia-api-key', 'x-typesense-api-key', 'x-master-key'],
];

const QUERY = [
  ...['token', 'access_token', 'id_token', 'refresh_token', 'auth_token', 'session_token', 'api_token', 'bearer_token'],
  ...[
    'oauth_token',
    'oauth_verifier',
    'oauth_signature',
    'x-auth-token',
    'x-access-token',
    'bearer',
    'jwt',
    'assertion',
  ],
  ...['client_assertion', 'client_secret', 'secret', 'secret_key', 'api_secret', 'app_secret', 'consumer_secret'],
  ...['key', 'api_key', 'x-api-key', 'access_key', 'private_key', 'subscription-key', 'auth_key', 'master_key'],
  ...['password', 'passwd', 'passphrase', 'pass', 'pwd', 'otp', 'credential', 'credentials', 'auth', 'authorization'],
  ...['sig', 'signature', 'hmac', 'X-Amz-Signature', 'X-Amz-Security-Token', 'X-Amz-Credential', 'AWSAccessKeyId'],
  ...['X-Goog-Signature', 'X-Goog-Credential', 'GoogleAccessId', 'sas', 'sas_token', 'x-vercel-protection-bypass'],
  ...['session', 'session_id', 'sid', 'jsessionid', 'phpsessid', 'aspsessionid', 'ticket', 'SAMLResponse', 'samlart'],
  ...['csrf', 'csrf_token', 'xsrf_token', '_token', 'authenticity_token', 'csrfmiddlewaretoken', 'invite_token'],
  ...['reset_token', 'reset_password_token', 'confirmation_token', 'verification_token', 'magic_token', 'device_code'],
];

/** What a message needs to be one: shown in an allow-list too. */
const FRAMING = ['host', 'content-type', 'content-length', 'content-encoding', 'transfer-encoding'];

export interface RedactGiven {
  readonly isAllowList: boolean;
  readonly headers: readonly string[];
  readonly query: readonly string[];
  /** Headers that detectors in front of us prove themselves with. */
  readonly secrets: readonly string[];
}

/** In an allow-list `headers` and `query` are what may be shown, else what is secret besides. What is secret here stays so. */
export function secretNames({ isAllowList, headers, query, secrets }: RedactGiven): {
  readonly headers: SecretNames;
  readonly query: SecretNames;
} {
  const named = (fixed: readonly string[], own: readonly string[], shown: readonly string[]): SecretNames =>
    isAllowList ? new Names(fixed, [...own, ...shown]) : new Names([...fixed, ...own], undefined);
  return { headers: named([...HEADERS, ...secrets], headers, FRAMING), query: named(QUERY, query, []) };
}

class Names implements SecretNames {
  readonly #secret: ReadonlySet<string>;
  readonly #shown: ReadonlySet<string> | undefined;
  /** Whether one of the names has a letter beyond ASCII: only then such letters are decoded. */
  readonly #isWide: boolean;
  /** The shortest secret. */
  readonly #charactersMin: number;

  constructor(secret: readonly string[], shown: readonly string[] | undefined) {
    this.#secret = new Set(secret.map(lettersOf));
    this.#shown = shown && new Set(shown.map(lettersOf));
    this.#charactersMin = Math.min(...[...this.#secret].map((name) => name.length));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked about
    this.#isWide = [...secret, ...(shown ?? [])].some((name) => /[^\x00-\x7f]/.test(name));
  }

  get isAllowList(): boolean {
    return this.#shown !== undefined;
  }

  has(name: string): boolean {
    if (name.length > NAME_CHARACTERS_MAX) return this.isAllowList;
    const lower = name.toLowerCase();
    // Most names, and those of whoever sends thousands, are one word.
    if (SIMPLE.test(lower)) return this.#knows(lower);
    if (lower.length < this.#charactersMin && !this.isAllowList) return false;
    const plain = /[%+]/.test(lower) ? this.#decoded(lower) : lower;
    if (this.#knows(lettersOf(plain))) return true;
    if (!/[[\].]/.test(plain)) return false;
    const parts = [plain.split('[', 1)[0] as string, ...plain.split(/[[\].]+/)];
    return parts.some((part) => this.#secret.has(lettersOf(part)));
  }

  #knows(letters: string): boolean {
    return this.#secret.has(letters) || (this.#shown !== undefined && !this.#shown.has(letters));
  }

  /** As the application will read it. Nothing is thrown: an exception costs more than the rest of the request. */
  #decoded(name: string): string {
    const text = name.replaceAll('+', ' ');
    const ascii = text.replace(/%[0-7][\da-f]/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
    if (!this.#isWide) return ascii;
    return ascii.replace(/(?:%[89a-f][\da-f])+/gi, (run) => {
      const bytes = run
        .slice(1)
        .split('%')
        .map((code) => Number.parseInt(code, 16));
      return new TextDecoder().decode(Uint8Array.from(bytes));
    });
  }
}

const SIMPLE = /^[a-z\d]*$/;

/** Case and what separates words is left out; a name of separators only stays as it is. */
function lettersOf(name: string): string {
  const lower = name.toLowerCase();
  return lower.replace(/[-_.\s[\]]+/g, '') || lower;
}
