import { createDpop } from '@oa/dpop';
import { request, type HttpResponse } from '@oa/http';
import { startDeadline } from '@oa/mechanisms';
import type { DpopKey, RequestOptions } from '@oa/types';

/**
 * Asks for the user of a token of type DPoP, with a proof. It asks once more if the server refused the proof for its nonce or its time.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-7.1
 */
export async function requestProvenUserInfo(
  url: string,
  accessToken: string,
  key: DpopKey,
  options: RequestOptions,
): Promise<HttpResponse> {
  const dpop = await createDpop(key, { now: options.now });
  const remainingMs = startDeadline(options.timeout);
  let proof = '';
  const prove = async (): Promise<{ headers: Record<string, string> }> => {
    proof = await dpop.proof({ method: 'GET', url, accessToken });
    return { headers: { authorization: `DPoP ${accessToken}`, dpop: proof } };
  };
  const send = async (): Promise<{ response: HttpResponse; isOutdated: boolean }> => {
    const parts = await prove();
    const response = await request('GET', url, { ...options, ...parts, timeout: remainingMs(), renew: prove });
    return { response, isOutdated: dpop.learnFrom(proof, response) };
  };
  const { response, isOutdated } = await send();
  return response.status === 401 && isOutdated ? (await send()).response : response;
}
