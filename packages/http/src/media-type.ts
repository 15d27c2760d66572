import type { HttpResponse } from './request.ts';

/** The content type of an answer, without its parameters. Empty where there is none. */
export function mediaType({ headers }: HttpResponse): string {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Whether an answer is labelled as a page. */
export function isLabelledAsPage(response: HttpResponse): boolean {
  return /html|xml/.test(mediaType(response));
}
