/** Plain pages with one form each: labels, no script, readable without the style. */

interface Question {
  uid: string;
  clientName: string;
  message?: string;
}

export function loginPage(question: Question, user: { login: string; password: string }): string {
  return page(
    'Log in',
    `${alert(question.message)}
<p><strong>${escapeHtml(question.clientName)}</strong> asks you to log in.</p>
<form method="post" action="/interaction/${escapeHtml(question.uid)}">
  <p><label for="login">Name</label> <input id="login" name="login" autocomplete="username" value="${escapeHtml(user.login)}" required autofocus></p>
  <p><label for="password">Password</label> <input id="password" name="password" type="password" autocomplete="current-password" value="${escapeHtml(user.password)}" required></p>
  <p><button name="decision" value="allow">Log in</button> <button name="decision" value="deny" formnovalidate>Cancel</button></p>
</form>
<p><small>This server is a demonstration. An account is filled in already.</small></p>`,
  );
}

export function consentPage(question: Question, login: string, scopes: readonly string[]): string {
  const list = scopes.map((scope) => `<li>${escapeHtml(scope)}</li>`).join('');
  return page(
    'Allow access',
    `<p>You are logged in as <strong>${escapeHtml(login)}</strong>.</p>
<p><strong>${escapeHtml(question.clientName)}</strong> asks for access in your name${list ? ` to:</p><ul>${list}</ul>` : '.</p>'}
<form method="post" action="/interaction/${escapeHtml(question.uid)}">
  <p><button name="decision" value="allow" autofocus>Allow</button> <button name="decision" value="deny">Deny</button></p>
</form>`,
  );
}

/** `form` comes from oidc-provider. It holds the code and an anti-forgery token, and lacks a button. */
export function codeInputPage(form: string, message: string | undefined): string {
  return page(
    'Connect a device',
    `${alert(message)}
<p><label for="user_code">Enter the code that the device shows</label></p>
${form.replace('<input\n', '<input id="user_code"\n')}
<p><button type="submit" form="op.deviceInputForm">Continue</button></p>`,
  );
}

export function codeConfirmPage(form: string, clientName: string, code: string): string {
  return page(
    'Connect a device',
    `<p><strong>${escapeHtml(clientName)}</strong> asks for access. Your device must show this code: <strong>${escapeHtml(code)}</strong></p>
<p>Press Cancel if your device shows another code, or if you did not start this login yourself.</p>
${form}
<p><button type="submit" form="op.deviceConfirmForm" autofocus>The code is the same</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button></p>`,
  );
}

export function codeSuccessPage(): string {
  return page('The device is connected', '<p>You can close this page.</p>');
}

export function errorPage(out: { error: string; error_description?: string | undefined }): string {
  return page('This did not work', alert(`${out.error}: ${out.error_description ?? 'no description'}`));
}

function alert(message: string | undefined): string {
  return message === undefined ? '' : `<p role="alert">${escapeHtml(message)}</p>`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
  label { display: inline-block; min-width: 6rem }
  input, button { font: inherit; padding: .3rem .8rem }
  [role=alert] { border-left: .3rem solid #c33; padding-left: .7rem }
</style>
<main>
<h1>${title}</h1>
${body}
</main>
</html>
`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
