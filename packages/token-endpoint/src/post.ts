import { sendAuthenticated, type AuthenticatedRequest } from '@oa/client-authentication';
import { request, type HttpResponse } from '@oa/http';
import { startDeadline } from '@oa/mechanisms';
import { explainGuess, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import type { TokenEndpointOptions } from './options.ts';

/** A form to post to an endpoint that authenticates clients. */
export interface EndpointForm {
  url: string;
  parameters: RequestParameters;
  /** Whether the server may get it twice: `false` where the parameters hold a code or a token that works once. */
  idempotent: boolean;
}

/** Makes a value of a response, or throws the refusal in it. */
export type ResponseReader<T> = (response: HttpResponse, authenticated: AuthenticatedRequest) => T;

/** Posts `form` with the authentication of the client. All attempts share the timeout of the caller. */
export async function postAuthenticated<T>(
  server: AuthorizationServer,
  client: Client,
  form: EndpointForm,
  read: ResponseReader<T>,
  options: TokenEndpointOptions,
): Promise<T> {
  const { url, idempotent } = form;
  const remainingMs = startDeadline(options.timeout);
  return explainGuess(server, options, (explained) => {
    const send = ({ headers, parameters }: AuthenticatedRequest): Promise<HttpResponse> =>
      request('POST', url, {
        ...explained,
        timeout: remainingMs(),
        headers,
        form: { ...form.parameters, ...parameters },
        idempotent,
      });
    return sendAuthenticated(server, client, { url, idempotent, send, read }, explained);
  });
}
